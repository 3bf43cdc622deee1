/*
 * Schema: checks a document against one of the schemas of configs/schema, which are part of the program, so
 * that an installed one finds them.
 *
 * Understood is the part of JSON Schema (draft 7) that those use:
 *   type properties patternProperties propertyNames additionalProperties required minProperties maxProperties
 *   items minItems maxItems  enum const  pattern minLength maxLength  minimum maximum  if then else
 *   definitions and $ref: "#/definitions/NAME", or "OTHER.schema.json#/definitions/NAME"
 *   $schema $id $comment title description, which say nothing about documents.
 * A schema with any other keyword is refused, so that no rule is silently left out. Three things to know:
 * - A property that "additionalProperties": false excludes is a warning, not an error: a newer writer may
 * have put it there, and who misspelt a name is told.
 * - "pattern" and the names of patternProperties are POSIX extended regular expressions; lengths are bytes.
 * - "integer" is a number written without fraction and exponent.
 */
#ifndef DEPLOY_SCHEMA_H
#define DEPLOY_SCHEMA_H

#include "jsonfile.h"

typedef struct schema schema_t;

/* The schema configs/schema/NAME.schema.json: "module", "template" or "manifest". NULL, with the problem
 * told, if there is none, or it is not understood. */
schema_t *schema_new(const char *name, problems_t *problems);

/* Takes over a schema of somebody else's making, which may refer to itself and to those of schema_new. */
schema_t *schema_of(jsonfile_t **source_p, problems_t *problems);
void schema_destroy(schema_t **self_p);

/* False if the document has an error. */
bool schema_check(const schema_t *self, const jsonfile_t *document, problems_t *problems);

#endif
