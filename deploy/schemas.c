/*
 * Schemas: see schemas.h. The assembler takes the files in; make builds this anew when one of them changes.
 */
#include "schemas.h"

#define TAKE_IN(name)                                                                                        \
    __asm__(".section .rodata\n"                                                                             \
            ".global schema_text_" #name "\n"                                                                \
            ".hidden schema_text_" #name "\n"                                                                \
            ".global schema_end_" #name "\n"                                                                 \
            ".hidden schema_end_" #name "\n"                                                                 \
            "schema_text_" #name ":\n"                                                                       \
            ".incbin \"configs/schema/" #name ".schema.json\"\n"                                             \
            "schema_end_" #name ":\n"                                                                        \
            ".byte 0\n"                                                                                      \
            ".previous\n");                                                                                  \
    extern const char schema_text_##name[], schema_end_##name[]

TAKE_IN(module);
TAKE_IN(template);
TAKE_IN(manifest);

#define TEXT(name)                                                                                           \
    {                                                                                                        \
        PBUS_STR(#name), schema_text_##name, schema_end_##name                                               \
    }

pbus_str_t schemas_text(pbus_str_t name)
{
    const struct {
        pbus_str_t name;
        const char *text, *end;
    } texts[] = {TEXT(module), TEXT(template), TEXT(manifest)};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (pbus_str_eq(texts[i].name, name))
            return (pbus_str_t){texts[i].text, (size_t) (texts[i].end - texts[i].text)};
    return (pbus_str_t){"", 0};
}
