/* aws/xml.c - sets expat up, feeds it, and says how it ended. */
#include "xml.h"

enum { SLICE = 1024 * 1024 }; /* expat takes an int, and copies what is left over of a slice */

void xml_stop(struct xml_reading *reading, int code, const char *error)
{
    if (reading->code < 0) return;
    reading->code = code;
    reading->error = error;
    XML_StopParser(reading->parser, XML_FALSE);
}

static void doctype_comes(void *data, const char *name, const char *system, const char *public,
                          int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    xml_stop(data, ERR_PARSE, "it has a document type");
}

static void feed(struct xml_reading *reading, const char *body, size_t len)
{
    enum XML_Status status = XML_STATUS_OK;
    do {
        size_t n = len < SLICE ? len : SLICE;
        len -= n;
        status = XML_Parse(reading->parser, body, (int)n, len == 0);
        body += n;
    } while (status == XML_STATUS_OK && len > 0);
    reading->at = XML_GetCurrentByteIndex(reading->parser);
    if (status == XML_STATUS_OK || reading->code < 0) return;
    enum XML_Error error = XML_GetErrorCode(reading->parser);
    reading->code = error == XML_ERROR_NO_MEMORY ? ERR_NOMEM : ERR_PARSE;
    reading->error = XML_ErrorString(error);
}

int xml_read(struct xml_reading *reading, const char *body, size_t len)
{
    reading->code = OK;
    reading->error = NULL;
    reading->parser = XML_ParserCreate(NULL);
    if (!reading->parser) return reading->code = ERR_NOMEM;
    XML_SetUserData(reading->parser, reading);
    XML_SetElementHandler(reading->parser, reading->begins, reading->ends);
    XML_SetCharacterDataHandler(reading->parser, reading->text_comes);
    XML_SetStartDoctypeDeclHandler(reading->parser, doctype_comes);
    feed(reading, body ? body : "", body ? len : 0);
    XML_ParserFree(reading->parser);
    reading->parser = NULL;
    return reading->code;
}
