// policy/files/config_rope.c -- rope_theta and rope_scaling, in the older keys and in
// rope_parameters.
#include <math.h>
#include <string.h>

#include "policy/files/config_value.h"

static Status read_stretch(const ConfigReader *r, const Json *scaling, const char *missing) {
    RopeConfig *rope = &r->model->rope;
    double original;
    TRY(config_num(r, scaling, "factor", 0, &rope->factor));
    TRY(config_num(r, scaling, "original_max_position_embeddings", 0, &original));
    if (!(rope->factor > 0)) return config_bad(r, scaling, "factor", missing);
    if (!(original >= 1 && original <= (1 << 30)))
        return config_bad(r, scaling, "original_max_position_embeddings", missing);
    rope->original_max_position = (int)original;
    return ST_OK;
}

static Status read_llama3(const ConfigReader *r, const Json *scaling) {
    RopeConfig *rope = &r->model->rope;
    rope->llama3 = true;
    TRY(config_num(r, scaling, "low_freq_factor", 0, &rope->low_freq_factor));
    TRY(config_num(r, scaling, "high_freq_factor", 0, &rope->high_freq_factor));
    if (!(rope->low_freq_factor > 0 && rope->high_freq_factor > rope->low_freq_factor))
        return config_bad(r, scaling, "high_freq_factor",
                          "of llama3 must be over low_freq_factor, and that over 0");
    return read_stretch(r, scaling, "of llama3 is missing");
}

Status config_rope(const ConfigReader *r) {
    RopeConfig *rope = &r->model->rope;
    const Json *new_style = config_get(r->root, "rope_parameters"),
               *old = config_get(r->root, "rope_scaling");
    const Json *scaling = new_style ? new_style : old;
    double theta;
    TRY(config_num(r, r->root, "rope_theta", 10000, &theta));
    TRY(config_num(r, scaling, "rope_theta", theta, &rope->theta));
    if (!(rope->theta > 1)) return config_bad(r, r->root, "rope_theta", "must be over 1");
    const Json *interleave = config_get(r->root, "rope_interleave");
    if (interleave && !json_bool(interleave, true))
        return FAIL(ST_UNSUPPORTED, "%s:%d: rope_interleave false is not built", json_name(r->doc),
                    json_line(r->doc, interleave));
    if (!scaling) return ST_OK;
    const Json *type = config_get(scaling, "rope_type") ? config_get(scaling, "rope_type")
                                                        : config_get(scaling, "type");
    const char *name = json_text(type, "default");
    if (strcmp(name, "default") == 0) return ST_OK;
    const bool dense = r->model->family == FAMILY_DENSE;
    if (dense && strcmp(name, "llama3") == 0) return read_llama3(r, scaling);
    if (strcmp(name, "yarn") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: rope type '%s' is not built, only yarn%s",
                    json_name(r->doc), json_line(r->doc, type), name, dense ? " and llama3" : "");
    rope->yarn = true;
    TRY(config_num(r, scaling, "beta_fast", 32, &rope->beta_fast));
    TRY(config_num(r, scaling, "beta_slow", 1, &rope->beta_slow));
    TRY(config_num(r, scaling, "mscale", 1, &rope->mscale));
    TRY(config_num(r, scaling, "mscale_all_dim", 0, &rope->mscale_all_dim));
    const Json *factor = config_get(scaling, "attention_factor");
    if (dense && factor)
        return config_unbuilt(r, factor, "attention_factor is not built; mscale is");
    return read_stretch(r, scaling, "of yarn is missing");
}

void config_put_rope(const RopeConfig *rope, Str *out) {
    const double value[] = {rope->factor, rope->beta_fast, rope->beta_slow, rope->mscale,
                            rope->mscale_all_dim};
    static const char *const key[] = {"factor", "beta_fast", "beta_slow", "mscale",
                                      "mscale_all_dim"};
    config_put_num(out, "rope_theta", rope->theta);
    str_puts(out, "  \"rope_scaling\": ");
    if (rope->llama3) {
        str_puts(out, "{\"rope_type\": \"llama3\", \"factor\": ");
        config_float(out, rope->factor);
        str_puts(out, ", \"low_freq_factor\": ");
        config_float(out, rope->low_freq_factor);
        str_puts(out, ", \"high_freq_factor\": ");
        config_float(out, rope->high_freq_factor);
    } else if (rope->yarn) {
        str_puts(out, "{\"type\": \"yarn\", \"rope_type\": \"yarn\"");
        for (int i = 0; i < 5; i++) {
            str_printf(out, ", \"%s\": ", key[i]);
            config_float(out, value[i]);
        }
    } else {
        str_puts(out, "null,\n");
        return;
    }
    str_printf(out, ", \"original_max_position_embeddings\": %d},\n", rope->original_max_position);
}
