/*
 * The commands there are, in the order of the help. To add one: cmd_NAME.c with its command_t, a line in each
 * of the two lists.
 */
#include <stddef.h>
#include "command.h"

extern const command_t cmd_certify;
extern const command_t cmd_copy;
extern const command_t cmd_drain;
extern const command_t cmd_forget;
extern const command_t cmd_health;
extern const command_t cmd_image;
extern const command_t cmd_jobs;
extern const command_t cmd_modules;
extern const command_t cmd_prefer;
extern const command_t cmd_promote;
extern const command_t cmd_render;
extern const command_t cmd_retire;
extern const command_t cmd_status;
extern const command_t cmd_tap;
extern const command_t cmd_verify;
extern const command_t cmd_watch;

const command_t *const commands[] = {
    &cmd_status,  &cmd_watch,   &cmd_health, &cmd_copy,    &cmd_verify, &cmd_jobs,
    &cmd_prefer,  &cmd_promote, &cmd_retire, &cmd_forget,  &cmd_drain,  &cmd_tap,
    &cmd_modules, &cmd_render,  &cmd_image,  &cmd_certify, NULL,
};
