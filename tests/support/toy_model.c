/* support/toy_model.c - the model of a made-up service. */
#include "toy_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char shapes[] =
    "'Out':{'type':'structure','members':{"
    "'Text':{'shape':'S'},'Count':{'shape':'I'},'Big':{'shape':'L'},'Ratio':{'shape':'D'},"
    "'Flag':{'shape':'B'},'At':{'shape':'T'},'Bytes':{'shape':'Blob'},'Items':{'shape':'Items'},"
    "'Flat':{'shape':'Flat'},'Named':{'shape':'NamedFlat'},'Map':{'shape':'Map'},"
    "'FlatMap':{'shape':'FlatMap'},'Nested':{'shape':'Out'},'List':{'shape':'Outs'},"
    "'Free':{'shape':'Free'},'Choice':{'shape':'Choice'},"
    "'Renamed':{'shape':'S','locationName':'wireName'},"
    "'Kind':{'shape':'S','locationName':'xsi:type','xmlAttribute':true}}},"
    "'S':{'type':'string'},'I':{'type':'integer'},'L':{'type':'long'},'D':{'type':'double'},"
    "'B':{'type':'boolean'},'T':{'type':'timestamp'},'Blob':{'type':'blob'},"
    "'Items':{'type':'list','member':{'shape':'S'}},"
    "'Outs':{'type':'list','member':{'shape':'Out'}},"
    "'Flat':{'type':'list','flattened':true,'member':{'shape':'I'}},"
    "'NamedFlat':{'type':'list','flattened':true,'member':{'shape':'S','locationName':'named'}},"
    "'Map':{'type':'map','key':{'shape':'S'},'value':{'shape':'I'}},"
    "'FlatMap':{'type':'map','flattened':true,'key':{'shape':'S','locationName':'K'},"
    "'value':{'shape':'S','locationName':'V'}},"
    "'Free':{'type':'structure','members':{},'document':true},"
    "'Choice':{'type':'structure','union':true,'members':{'a':{'shape':'S'},'b':{'shape':'I'}}},"
    "'Rest':{'type':'structure','members':{"
    "'Name':{'shape':'S','location':'header','locationName':'x-name'},"
    "'Size':{'shape':'L','location':'header','locationName':'Content-Length'},"
    "'Flag':{'shape':'B','location':'header','locationName':'x-flag'},"
    "'Half':{'shape':'D','location':'header','locationName':'x-half'},"
    "'When':{'shape':'T','location':'header','locationName':'Last-Modified'},"
    "'Tags':{'shape':'Items','location':'header','locationName':'x-tags'},"
    "'Times':{'shape':'Times','location':'header','locationName':'x-times'},"
    "'Json':{'shape':'S','location':'header','locationName':'x-json','jsonvalue':true},"
    "'Meta':{'shape':'SMap','location':'headers','locationName':'x-meta-'},"
    "'Status':{'shape':'I','location':'statusCode'},"
    "'Text':{'shape':'S'},'Count':{'shape':'I'}}},"
    "'Times':{'type':'list','member':{'shape':'T'}},"
    "'SMap':{'type':'map','key':{'shape':'S'},'value':{'shape':'S'}},"
    "'BlobPayload':{'type':'structure','payload':'Body','members':{'Body':{'shape':'Blob'},"
    "'Type':{'shape':'S','location':'header','locationName':'Content-Type'}}},"
    "'TextPayload':{'type':'structure','payload':'Body','members':{'Body':{'shape':'S'}}},"
    "'OutPayload':{'type':'structure','payload':'Body','members':{'Body':{'shape':'Out'}}},"
    "'FreePayload':{'type':'structure','payload':'Body','members':{'Body':{'shape':'Free'}}},"
    "'Location':{'type':'structure','members':{'Where':{'shape':'S'}}},"
    "'Gone':{'type':'structure','exception':true,'error':{'code':'Svc.Gone','httpStatusCode':404},"
    "'members':{'message':{'shape':'S'},'Resource':{'shape':'S'},"
    "'Hint':{'shape':'S','location':'header','locationName':'x-hint'}}}";

static const char operations[] =
    "'Get':{'name':'Get','http':{'method':'POST','requestUri':'/'},"
    "'output':{'shape':'Out'%s},'errors':[{'shape':'Gone'}]},"
    "'Rest':{'name':'Rest','http':{'method':'GET','requestUri':'/'},'output':{'shape':'Rest'},"
    "'errors':[{'shape':'Gone'}]},"
    "'Blob':{'name':'Blob','http':{'method':'GET','requestUri':'/'},"
    "'output':{'shape':'BlobPayload'}},"
    "'Text':{'name':'Text','http':{'method':'GET','requestUri':'/'},"
    "'output':{'shape':'TextPayload'}},"
    "'Out':{'name':'Out','http':{'method':'GET','requestUri':'/'},"
    "'output':{'shape':'OutPayload'}},"
    "'Free':{'name':'Free','http':{'method':'GET','requestUri':'/'},"
    "'output':{'shape':'FreePayload'}},"
    "'Where':{'name':'Where','http':{'method':'GET','requestUri':'/'},"
    "'output':{'shape':'Location'}},"
    "'None':{'name':'None','http':{'method':'POST','requestUri':'/'}}";

struct model *toy_model(const char *protocol)
{
    char filled[4096], text[16384];
    struct model *model = NULL;
    struct fault fault;
    bool query = strcmp(protocol, "query") == 0;
    snprintf(filled, sizeof filled, operations, query ? ",'resultWrapper':'GetResult'" : "");
    int n = snprintf(text, sizeof text,
                     "{'metadata':{'apiVersion':'2020-01-01','endpointPrefix':'toy','protocol':"
                     "'%s','jsonVersion':'1.0','targetPrefix':'Toy','serviceId':'Toy'},"
                     "'operations':{%s},'shapes':{%s}}",
                     protocol, filled, shapes);
    if (n <= 0 || (size_t)n >= sizeof text) abort();
    for (int i = 0; i < n; i++)
        if (text[i] == '\'') text[i] = '"';
    if (model_read("toy", text, (size_t)n, &model, &fault) < 0) abort();
    return model;
}
