/* aws/model_data.h - the models inside the binary: src/aws/models/, one JSON text each, put there
 * by cmake/embed.cmake. */
#ifndef MOONTIDE_AWS_MODEL_DATA_H
#define MOONTIDE_AWS_MODEL_DATA_H

struct model_file {
    const char *begin, *end;
};

/* shape: model_files[n], in the order of model_builtin_names[] */
extern const struct model_file model_files[];

#endif
