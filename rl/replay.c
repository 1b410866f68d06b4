// rl/replay.c -- routes between packed order and the batch's.
#include "rl/replay.h"

#include <string.h>

int replay_layers(const ModelConfig *model) {
    int n = 0;
    for (int l = 0; l < model->n_layers; l++) n += model_is_moe(model, l);
    return n;
}

Routes replay_room(const ModelConfig *model, int n_tokens, Arena *arena) {
    Routes r = {.n_moe_layers = replay_layers(model), .k = model->n_experts_per_tok};
    r.route = ARENA_ARRAY(arena, int16_t, (size_t)n_tokens * (size_t)(r.n_moe_layers * r.k) + 1);
    return r;
}

void replay_keep(Batch *batch, const Pack *pack, const Routes *routes, Arena *arena) {
    if (!batch->route) batch_open_routes(batch, routes->n_moe_layers, routes->k, arena);
    CHECK(batch->route_layers == routes->n_moe_layers && batch->route_k == routes->k);
    const size_t step = (size_t)(routes->n_moe_layers * routes->k);
    for (int s = 0; s < pack->n_seqs; s++) {
        const Seq seq = pack->seq[s];
        memcpy(batch->route + (size_t)seq.begin * step,
               routes->route + (size_t)pack->offset[s] * step,
               (size_t)(seq.end - seq.begin) * step * sizeof *batch->route);
    }
}

Routes replay_gather(const Batch *batch, const Pack *chunk, int n_chunks, Arena *arena) {
    const size_t step = (size_t)(batch->route_layers * batch->route_k);
    size_t n = 0, at = 0;
    for (int c = 0; c < n_chunks; c++) n += (size_t)chunk[c].n_tokens;
    Routes r = {.n_moe_layers = batch->route_layers, .k = batch->route_k};
    r.route = ARENA_ARRAY(arena, int16_t, n * step + 1);
    for (int c = 0; c < n_chunks; c++) {
        for (int s = 0; s < chunk[c].n_seqs; s++) {
            const Seq seq = chunk[c].seq[s];
            const int16_t *from = batch->route + (size_t)seq.begin * step;
            CHECK(from[0] >= 0); // recorded
            memcpy(r.route + (at + (size_t)(chunk[c].offset[s] - chunk[c].offset[0])) * step, from,
                   (size_t)(seq.end - seq.begin) * step * sizeof *from);
        }
        at += (size_t)chunk[c].n_tokens;
    }
    return r;
}
