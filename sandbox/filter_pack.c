// sandbox/filter_pack.c -- libseccomp's program made short: the same answers, half the length.
//
// Loading costs the kernel time by length, for every program anew, and libseccomp spends a compare
// and a return on each system call. Here its program is asked what it does with every number, next
// numbers with one answer become one range, and the ranges a search tree. What looks at arguments
// is taken over instruction by instruction. tests/test_filter.c compares the two over all numbers
// and the arguments that matter.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/filter.h"

typedef struct sock_filter Insn;

enum {
    NR = offsetof(struct seccomp_data, nr),
    ARCH = offsetof(struct seccomp_data, arch),
    LOAD = BPF_LD | BPF_W | BPF_ABS,
    MOST = 1024, // ranges and instructions of a filter that may be packed
};

// What becomes of a call: a return value, or the place where its arguments are looked at.
typedef struct Answer {
    bool looks;
    uint32_t value;
} Answer;

typedef struct CallRange { // of system call numbers, up to the next range
    uint32_t from;
    Answer answer;
} CallRange;

typedef struct FilterPacker {
    const Insn *in;
    int n_in;
    CallRange range[MOST];
    int n_ranges;
    Insn out[MOST];                                // jumps hold labels until all places are known
    int label_of_true[MOST], label_of_false[MOST]; // -1: no jump
    int n_out;
    int place[2 * MOST]; // of a label: first the copied instructions, then returns
    uint32_t returned[16];
    int n_returned;
    bool fails;
} FilterPacker;

static bool jumps(const Insn *i, uint32_t a) {
    switch (BPF_OP(i->code)) {
    case BPF_JEQ: return a == i->k;
    case BPF_JGT: return a > i->k;
    case BPF_JGE: return a >= i->k;
    case BPF_JSET: return (a & i->k) != 0;
    default: return false;
    }
}

uint32_t filter_eval(const Filter *f, const struct seccomp_data *data) {
    const Insn *in = (const Insn *)(const void *)f->insn;
    uint32_t a = 0;
    for (int i = 0; i < f->n; i++) {
        if (in[i].code == LOAD)
            memcpy(&a, (const char *)data + in[i].k, 4);
        else if (in[i].code == (BPF_ALU | BPF_AND | BPF_K))
            a &= in[i].k;
        else if (in[i].code == (BPF_JMP | BPF_JA))
            i += (int)in[i].k;
        else if (BPF_CLASS(in[i].code) == BPF_JMP)
            i += jumps(&in[i], a) ? in[i].jt : in[i].jf;
        else if (in[i].code == (BPF_RET | BPF_K))
            return in[i].k;
        else
            break;
    }
    return SECCOMP_RET_KILL_PROCESS;
}

static bool ask(FilterPacker *p, uint32_t nr, uint32_t arch, Answer *out) {
    uint32_t a = 0;
    for (int i = 0; i < p->n_in; i++) {
        const Insn *in = &p->in[i];
        if (in->code == LOAD && in->k == NR)
            a = nr;
        else if (in->code == LOAD && in->k == ARCH)
            a = arch;
        else if (in->code == LOAD) {
            *out = (Answer){true, (uint32_t)i};
            return true;
        } else if (in->code == (BPF_JMP | BPF_JA))
            i += (int)in->k;
        else if (BPF_CLASS(in->code) == BPF_JMP && BPF_OP(in->code) != BPF_JSET)
            i += jumps(in, a) ? in->jt : in->jf;
        else if (in->code == (BPF_RET | BPF_K)) {
            *out = (Answer){false, in->k};
            return true;
        } else
            return false;
    }
    return false;
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// Between two constants of its compares the program cannot tell numbers apart.
static bool find_ranges(FilterPacker *p, uint32_t arch) {
    static _Thread_local uint32_t edge[2 * MOST + 1];
    int n = 0;
    edge[n++] = 0;
    for (int i = 0; i < p->n_in; i++)
        if (BPF_CLASS(p->in[i].code) == BPF_JMP && p->in[i].code != (BPF_JMP | BPF_JA)) {
            if (BPF_OP(p->in[i].code) == BPF_JSET) continue; // of an argument: see ask
            edge[n++] = p->in[i].k;
            edge[n++] = p->in[i].k + 1; // 0 after the last: there already
        }
    qsort(edge, (size_t)n, sizeof *edge, by_number);
    for (int i = 0; i < n; i++) {
        Answer answer;
        if (i && edge[i] == edge[i - 1]) continue;
        if (!ask(p, edge[i], arch, &answer)) return false;
        const Answer *last = p->n_ranges ? &p->range[p->n_ranges - 1].answer : NULL;
        if (last && last->looks == answer.looks && last->value == answer.value) continue;
        if (p->n_ranges == MOST) return false;
        p->range[p->n_ranges++] = (CallRange){edge[i], answer};
    }
    return true;
}

static void put(FilterPacker *p, uint16_t code, uint32_t k, int to_true, int to_false) {
    if (p->n_out == MOST) {
        p->fails = true;
        return;
    }
    p->out[p->n_out] = (Insn){.code = code, .k = k};
    p->label_of_true[p->n_out] = to_true;
    p->label_of_false[p->n_out++] = to_false;
}

// "What of the upper half is under a mask of 32 bits, is 0": it always is. Past such tests from i.
static int past_nothing(const FilterPacker *p, int i) {
    const Insn *in = p->in;
    while (i + 3 < p->n_in && in[i].code == LOAD && in[i + 1].code == (BPF_ALU | BPF_AND | BPF_K) &&
           in[i + 1].k == 0 && in[i + 2].code == (BPF_JMP | BPF_JEQ | BPF_K) && in[i + 2].k == 0)
        i += 3 + in[i + 2].jt;
    return i;
}

// Labels: an instruction that is copied has its old number; a return MOST + which.
static int label_of(FilterPacker *p, Answer a) {
    if (a.looks) return past_nothing(p, (int)a.value);
    for (int i = 0; i < p->n_returned; i++)
        if (p->returned[i] == a.value) return MOST + i;
    if (p->n_returned == 16) {
        p->fails = true;
        return MOST;
    }
    p->returned[p->n_returned] = a.value;
    return MOST + p->n_returned++;
}

static bool same(Answer a, Answer b) {
    return a.looks == b.looks && a.value == b.value;
}

// A subtree lies right behind its node: fixed up there, where its place is known.
static void put_tree(FilterPacker *p, int from, int to) {
    const CallRange *r = p->range;
    if (to - from == 3 && same(r[from].answer, r[from + 2].answer) &&
        r[from + 2].from == r[from + 1].from + 1) {
        put(p, BPF_JMP | BPF_JEQ | BPF_K, r[from + 1].from, label_of(p, r[from + 1].answer),
            label_of(p, r[from].answer));
        return;
    }
    int mid = from + (to - from) / 2, at = p->n_out;
    // Not between a single number and its like neighbours, where it can be helped.
    if (to - from > 4 && (to - from) % 2 == 0 && mid - from > 1) mid--;
    int high = to - mid == 1 ? label_of(p, r[mid].answer) : -1;
    int low = mid - from == 1 ? label_of(p, r[from].answer) : -1;
    put(p, BPF_JMP | BPF_JGE | BPF_K, r[mid].from, high, low);
    if (low < 0) {
        p->out[at].jf = 0;
        put_tree(p, from, mid);
    }
    if (high < 0) {
        int skip = p->n_out - at - 1;
        if (skip > 255) p->fails = true;
        p->out[at].jt = (uint8_t)skip;
        put_tree(p, mid, to);
    }
}

// What can be reached from the places where arguments are looked at, in the old order.
static void put_copies(FilterPacker *p) {
    static _Thread_local bool reached[MOST];
    memset(reached, 0, sizeof reached);
    for (int i = 0; i < p->n_ranges; i++)
        if (p->range[i].answer.looks)
            reached[past_nothing(p, (int)p->range[i].answer.value)] = true;
    for (int i = 0; i < p->n_in; i++) { // jumps go forward only
        const Insn *in = &p->in[i];
        if (!reached[i]) continue;
        bool ret = BPF_CLASS(in->code) == BPF_RET, jump = BPF_CLASS(in->code) == BPF_JMP;
        int yes = i + 1 + (jump ? in->jt : 0), no = i + 1 + (jump ? in->jf : 0);
        p->place[i] = p->n_out;
        if (in->code == (BPF_JMP | BPF_JA) || (!ret && (yes >= p->n_in || no >= p->n_in))) {
            p->fails = true;
            return;
        }
        if (jump) yes = past_nothing(p, yes), no = past_nothing(p, no);
        put(p, in->code, in->k, jump ? yes : -1, jump ? no : -1);
        if (!ret) reached[yes] = reached[no] = true;
    }
}

static void link_jumps(FilterPacker *p) {
    for (int i = 0; i < p->n_out; i++)
        for (int yes = 0; yes < 2; yes++) {
            int label = yes ? p->label_of_true[i] : p->label_of_false[i];
            if (label < 0) continue;
            int skip = p->place[label] - i - 1;
            if (skip < 0 || skip > 255) p->fails = true;
            *(yes ? &p->out[i].jt : &p->out[i].jf) = (uint8_t)skip;
        }
}

void filter_pack(Filter *f) {
    FilterPacker *p = calloc(1, sizeof *p);
    CHECK(p);
    p->in = (const Insn *)(const void *)f->insn;
    p->n_in = f->n;
    // The program begins with the architecture: what it wants there is the constant compared first.
    bool known = f->n > 2 && f->n < MOST && p->in[0].code == LOAD && p->in[0].k == ARCH &&
                 p->in[1].code == (BPF_JMP | BPF_JEQ | BPF_K);
    uint32_t arch = known ? p->in[1].k : 0;
    Answer other = {0};
    if (!known || !ask(p, 0, ~arch, &other) || other.looks || !find_ranges(p, arch)) goto out;
    put(p, LOAD, ARCH, -1, -1);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, arch, -1, -1);
    p->out[p->n_out - 1].jt = 1;
    put(p, BPF_RET | BPF_K, other.value, -1, -1);
    put(p, LOAD, NR, -1, -1);
    put_tree(p, 0, p->n_ranges);
    put_copies(p);
    for (int i = 0; i < p->n_returned; i++) {
        p->place[MOST + i] = p->n_out;
        put(p, BPF_RET | BPF_K, p->returned[i], -1, -1);
    }
    link_jumps(p);
    if (p->fails || p->n_out >= f->n) goto out; // it stays as it was
    memcpy(f->insn, p->out, (size_t)p->n_out * sizeof(Insn));
    f->n = p->n_out;
out:
    free(p);
}
