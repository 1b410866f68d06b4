// base/config_need.h -- settings that act only together with others.
//
// Layer 1. A key may need others: rl.kl_coef does nothing while rl.kl is off. A table names such
// keys with a condition over other keys; config_check_needs refuses what a person set and what
// cannot act. Conditions are written as
//
//     rl.kl!=off                       a key is not this value
//     rl.advantage=std|batch-std       a key is one of these values
//     eval.passk_tasks>0               a number is above this one
//     data.tasks~desk                  a text holds this one
//     data.chat!=""                    a text is set
//
// joined by " and " and, weaker, by " or ". "command" is the command that runs. A key that the
// Config does not have, and "command" where it is unknown, make a comparison true.
#ifndef BASE_CONFIG_NEED_H
#define BASE_CONFIG_NEED_H

#include "base/config.h"

#ifdef __cplusplus
extern "C" {
#endif

// ST_CONFIG names the first key that was set and cannot act, where it was set, and what it needs.
// Not refused: values of recipes; 0, false and ""; the default where a file says it. A key that
// `command` never uses is refused on the command line; files and variables may serve several
// commands, there it is one warning for each section. `command` NULL: not known.
MUST_USE Status config_check_needs(const Config *config, const char *command);
// Does the key's condition hold for this command? A key without one acts always.
bool config_acts(const Config *config, const char *key, const char *command);

#ifdef __cplusplus
}
#endif
#endif
