set(SOURCES_aws
    credentials.c
    hmac.c
    sigv4.c
    sigv4_canonical.c)
