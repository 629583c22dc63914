/* app/version.c - `moontide version`. */
#include "moontide/app/options.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <uv.h>

int command_version(const struct arguments *arguments)
{
    (void)arguments;
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    printf("moontide " MOONTIDE_VERSION "\nlibuv %s, libcurl %s, %s, SQLite %s\n",
           uv_version_string(), curl->version, OpenSSL_version(OPENSSL_VERSION),
           sqlite3_libversion());
    return 0;
}
