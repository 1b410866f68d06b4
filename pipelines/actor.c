// pipelines/actor.c -- opening a model: plan first, then everything else.
#include "pipelines/actor.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "pipelines/embed.h"
#include "pipelines/input.h"
#include "pipelines/run/machine.h"
#include "policy/cpu/gemm.h"
#include "policy/files/checkpoint.h"
#include "rl/reference.h"

EMBED(desk_tokenizer_json, "datasets/desk/tokenizer.json");

enum { SLACK_MIB = 64 }; // beside the plan: code, texts, tables, the step's batch

Status actor_desk_tokenizer(Tokenizer **out) {
    return tokenizer_parse(desk_tokenizer_json, strlen(desk_tokenizer_json),
                           "the desk's tokenizer.json", out);
}

static Status find_model(const ActorOpts *o, Actor *a) {
    if (o->folder) {
        TRY(checkpoint_config(o->folder, &a->model));
        TRY(checkpoint_look(o->folder, &a->model));
        if (!o->ids_only) TRY(tokenizer_load(o->folder, &a->tokenizer));
        if (o->model) {
            a->model.precision = o->model->precision;
            a->model.mla_form = o->model->mla_form;
            a->model.n_mtp = o->model->n_mtp;
            a->model.drop_mtp = o->model->drop_mtp;
        }
        if (!o->model && o->draft == DRAFT_MTP) a->model.n_mtp = a->model.n_mtp_published;
    } else {
        CHECK(o->model);
        a->model = *o->model;
        TRY(actor_desk_tokenizer(&a->tokenizer));
        a->model.vocab_size = tokenizer_size(a->tokenizer);
        a->model.eos_id = tokenizer_id(a->tokenizer, "<eos>");
    }
    if (a->tokenizer && tokenizer_size(a->tokenizer) > a->model.vocab_size)
        return FAIL(ST_FORMAT, "%s: the tokenizer has %d tokens, the model a vocabulary of %d",
                    o->folder ? o->folder : "the new model", tokenizer_size(a->tokenizer),
                    a->model.vocab_size);
    return ST_OK;
}

static Status does_not_fit(const ActorOpts *o, const Policies *policies, uint64_t limit) {
    Str need = {0}, have = {0}, text = {0};
    machine_bytes(policies->total, &need);
    machine_bytes(limit, &have);
    policies_print(policies, &text);
    Status st = FAIL(ST_NOMEM,
                     "the plan wants %s, %s %s. Lower run.decode_seqs, rl.max_new_tokens, "
                     "rl.chunk_tokens or the model's sizes.\n%s",
                     str_text(&need), o->memory_bytes ? "the limit is" : "the machine has free",
                     str_text(&have), str_text(&text));
    str_free(&need);
    str_free(&have);
    str_free(&text);
    return st;
}

// The process's policies as the options want them.
static Status make_plan(const ActorOpts *o, const ModelConfig *model, const PolicyOpts *po,
                        Policies *out) {
    policies_want(out, ROLE_ACTOR, model, po);
    if (o->reference) {
        const PolicyOpts frozen = reference_opts(po->pool, o->chunk_tokens, po->max_seq_tokens);
        policies_want(out, ROLE_REFERENCE, model, &frozen);
    }
    const uint64_t limit = o->memory_bytes ? o->memory_bytes : machine_read().available_bytes;
    Status st = policies_plan(out, limit);
    return st == ST_NOMEM ? does_not_fit(o, out, limit) : st;
}

static void keep_stops(Actor *a, const StopIds *stop) {
    memcpy(a->stop_token, stop->id, sizeof stop->id);
    a->n_stop_tokens = stop->n;
}

static Status find_stops(const ActorOpts *o, Actor *a) {
    StopIds stop = {0};
    stopids_add(&stop, a->model.eos_id);
    if (a->tokenizer && o->folder) TRY(stopids_of_folder(o->folder, a->tokenizer, &stop));
    keep_stops(a, &stop);
    return ST_OK;
}

Status actor_chat(Actor *a, const char *name, ChatThinking thinking, const char *said) {
    chat_close(&a->chat);
    TRY(chat_open(name, a->opts.folder, a->tokenizer, &a->chat));
    a->chat.thinking = thinking;
    a->chat.said = said;
    Str probe = {0}; // a switch that the template lacks is found now
    Status st = chat_prompt(&a->chat, NULL, "", &probe);
    str_free(&probe);
    if (st != ST_OK) return st;
    StopIds stop = {.n = a->n_stop_tokens};
    memcpy(stop.id, a->stop_token, sizeof stop.id);
    stopids_add(&stop, chat_turn_end(&a->chat, a->tokenizer));
    keep_stops(a, &stop);
    return ST_OK;
}

// Pages for all sequences at their longest, those of a group on the pages of one prompt, and room
// to admit one more. Groups of fewer samples (evaluations) with prompts that long wait for each
// other.
static int pages_for(const ActorOpts *o, int longest, int seqs) {
    const int each = (longest + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS + 1;
    if (o->group_size < 2 || o->new_tokens < 1 || o->new_tokens >= longest)
        return each * (seqs + 1);
    const int prompts = (seqs + o->group_size - 1) / o->group_size + 1;
    const int answer = (o->new_tokens + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS + 1;
    const int prompt = (longest - o->new_tokens + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
    const int shared = prompts * prompt + seqs * (answer + 1) + each;
    return shared < each * (seqs + 1) ? shared : each * (seqs + 1);
}

RlContext actor_context(const Actor *a, const Chat *chat, uint64_t seed) {
    return (RlContext){.policy = a->policy,
                       .engine = a->engine,
                       .tokenizer = a->tokenizer,
                       .chat = chat,
                       .pool = a->pool,
                       .stop_token = a->stop_token,
                       .n_stop_tokens = a->n_stop_tokens,
                       .seed = seed};
}

// Rows of a decode call: of every sequence its last token and its guesses, and one more for
// prompts.
static int decode_rows(const ActorOpts *o, int n_mtp, int seqs) {
    return seqs * (2 + (o->draft == DRAFT_NONE  ? 0
                        : o->draft_tokens > 0   ? o->draft_tokens
                        : o->draft == DRAFT_MTP ? n_mtp
                                                : LOOKUP_TOKENS));
}

Status actor_open(const ActorOpts *opts, Actor *out) {
    *out = (Actor){.opts = *opts};
    Status st;
    Str text = {0};
    out->arena = arena_new(0);
    if (opts->folder) TRY_OUT(input_model(opts->folder, &out->opts.folder, out->arena));
    opts = &out->opts;
    TRY_OUT(gemm_select(NULL)); // GRPO_CPU may ask for a kernel set that this machine lacks
    TRY_OUT(find_model(opts, out));
    if (opts->engine)
        TRY_OUT(request_check_draft(opts->draft, opts->draft_tokens, out->model.n_mtp));
    TRY_OUT(find_stops(opts, out));
    int longest = opts->max_seq_tokens;
    if (longest > out->model.max_position) longest = out->model.max_position;
    int seqs = opts->decode_seqs > 0 ? opts->decode_seqs : 1;
    out->pool = pool_new(opts->threads);
    PolicyOpts po = {
        .pool = out->pool,
        .trainable = opts->trainable,
        .chunk_tokens = opts->chunk_tokens > longest ? opts->chunk_tokens : longest,
        .max_seq_tokens = longest,
        .partial_sums = opts->partial_sums,
        .chunks_in_flight = opts->chunks_in_flight,
        .kv_pages = opts->engine ? pages_for(opts, longest, seqs) : 0,
        .max_decode_rows = opts->engine ? decode_rows(opts, out->model.n_mtp, seqs) : 0,
    };
    st = make_plan(opts, &out->model, &po, &out->policies);
    if (st == ST_UNSUPPORTED && opts->folder) {
        const char *sentence = arena_printf(out->arena, "%s", status_text());
        st = FAIL(st, "%s/config.json: %s", opts->folder, sentence);
    }
    if (st != ST_OK) goto out;
    if (!opts->quiet) {
        policies_print(&out->policies, &text);
        log_info("%s", str_text(&text));
    }
    if (!opts->allocate) goto out;
    TRY_OUT(policies_new(&out->policies));
    out->policy = out->policies.of[ROLE_ACTOR].policy;
    if (opts->folder)
        TRY_OUT(checkpoint_load(opts->folder, out->policy));
    else
        policy_init(out->policy, opts->seed);
    if (opts->engine) {
        EngineOpts eo = {.policy = out->policy,
                         .pool = out->pool,
                         .tokenizer = out->tokenizer,
                         .max_seqs = seqs,
                         .max_decode_rows = po.max_decode_rows,
                         .draft = opts->draft,
                         .draft_tokens = opts->draft_tokens,
                         .max_seq_tokens = longest,
                         .kv_pages = po.kv_pages,
                         .prefix_cache = opts->keep_prefixes,
                         .seed = opts->seed};
        TRY_OUT(engine_new(&eo, &out->engine));
    }
out:
    str_free(&text);
    if (st != ST_OK) actor_close(out);
    return st;
}

void actor_close(Actor *a) {
    chat_close(&a->chat);
    engine_free(a->engine);
    policies_free(&a->policies);
    tokenizer_free(a->tokenizer);
    pool_free(a->pool);
    arena_free(a->arena);
    a->arena = NULL;
    a->engine = NULL;
    a->policy = NULL;
    a->tokenizer = NULL;
    a->pool = NULL;
}

bool actor_memory_kept(const Actor *a, Str *out) {
    uint64_t peak = machine_peak_rss(), plan = a->policies.total;
    bool kept = peak <= plan + ((uint64_t)SLACK_MIB << 20);
    str_puts(out, "memory: peak ");
    machine_bytes(peak, out);
    str_puts(out, " of a plan of ");
    machine_bytes(plan, out);
    str_printf(out, " (%s: at most %d MiB beside it)", kept ? "kept" : "NOT KEPT", SLACK_MIB);
    return kept;
}
