/*
 * Breadth-first search over packed states: the inner loops of checker.arrays, for states by the million.
 *
 * It knows nothing of any system. What an operation does comes as data: Boolean instructions on rows of bits, one bit
 * for each state of a block (checker.bitslice), and the places where computed bits go in a packed state. All memory is
 * the caller's, who also sees to it that there is room before anything is added.
 *
 * State j of a block is bit j % 64 of word j / 64 of a row. Row 0 is all zeros, row 1 all ones, the bits of the states
 * come next.
 */

#include <stdint.h>
#include <string.h>

#define LANES 16          /* words in a row */
#define BLOCK (64 * LANES) /* states in a block */
#define BATCH 256         /* successors that are looked up together, so that the memory they need is fetched together */
#define AHEAD 12          /* how far ahead memory is asked for where keys are added one after the other */

typedef uint64_t vector __attribute__((vector_size(32), aligned(8), may_alias));
#define VECTORS ((int)(LANES * sizeof(uint64_t) / sizeof(vector)))

struct instruction {
    uint16_t operator; /* 0 and, 1 or, 2 exclusive or */
    uint16_t left, right, target;
};

struct move {
    uint32_t number;     /* of the operation */
    uint32_t guard;      /* the row that says where it is enabled */
    uint32_t code[3];    /* what always runs, from the first to the second; what runs only if it is enabled, to the third */
    uint32_t groups[2];  /* which byte groups it changes */
};

/* Up to eight neighbouring bits of a packed state that are computed: rows[k] has the one at bit `shift` + k of a word. */
struct group {
    uint32_t word, shift;
    uint32_t rows[8]; /* 0, which is the row of zeros, for a bit that is not computed */
};

struct search {
    /* The system. */
    const struct instruction *code;
    const struct move *moves;
    const struct group *groups;
    const uint64_t *keep, *put; /* for each move and word: the bits that stay, and those that become one */
    uint64_t *rows;
    uint64_t words;      /* in a packed state */
    uint64_t inputs;     /* bits of a state */
    uint64_t width;      /* of which so many are in each word */
    uint64_t move_count;
    uint64_t step_bytes; /* in the number of an operation: 1, 2 or 4 */
    /* What was found. */
    uint64_t *states;
    int32_t *before;
    void *steps;
    uint64_t count, room;
    uint64_t next;       /* the first state that is not expanded */
    uint64_t transitions;
    uint8_t *fired;      /* for each operation, whether it was enabled somewhere */
    /* Where each state is: its number + 1 in the low `bits` bits, a part of its hash in the others; 0 is a free slot. */
    uint32_t *table;
    uint64_t bits;
    uint64_t most;       /* states that the table may hold */
    /* Successors of the present block that were not known when they were looked up, some of them more than once. */
    uint64_t *waiting, *hashes;
    uint16_t *origins;
    uint32_t *operations, *order;
    uint64_t pending, looked_up;
};

uint64_t layout(void) { return sizeof(struct search) << 32 | sizeof(struct move) << 16 | sizeof(struct group) << 8 | LANES; }

static inline uint64_t mix(const uint64_t *key, uint64_t words) {
    uint64_t mixed = key[0] * 0x9E3779B97F4A7C15u;
    for (uint64_t k = 1; k < words; k++) {
        mixed ^= mixed >> 29;
        mixed = (mixed ^ key[k]) * 0xC2B2AE3D27D4EB4Fu;
    }
    mixed ^= mixed >> 32;
    mixed *= 0xD6E8FEB86659FD93u;
    return mixed ^ mixed >> 32;
}

static inline uint64_t home(const struct search *s, uint64_t hash) { return hash >> (64 - s->bits); }

static inline uint32_t tag(const struct search *s, uint64_t hash) { return (uint32_t)(hash << s->bits); }

static inline int same(const uint64_t *one, const uint64_t *other, uint64_t words) {
    uint64_t differs = 0;
    for (uint64_t k = 0; k < words; k++) differs |= one[k] ^ other[k];
    return !differs;
}

/* Walks on from a slot: the first that is free or may hold the key. */
static inline uint64_t walk(const struct search *s, uint64_t slot, uint32_t wanted) {
    const uint64_t mask = ((uint64_t)1 << s->bits) - 1;
    const uint32_t low = (uint32_t)mask;
    for (;; slot = (slot + 1) & mask) {
        const uint32_t entry = s->table[slot];
        if (!entry || (entry & ~low) == wanted) return slot;
    }
}

static inline const uint64_t *state_at(const struct search *s, uint64_t slot) {
    return s->states + ((s->table[slot] & (((uint64_t)1 << s->bits) - 1)) - 1) * s->words;
}

/* The slot that holds the key, or a free one where it belongs. */
static inline uint64_t find(const struct search *s, uint64_t slot, const uint64_t *key, uint32_t wanted) {
    const uint64_t mask = ((uint64_t)1 << s->bits) - 1;
    for (;;) {
        slot = walk(s, slot, wanted);
        if (!s->table[slot] || same(state_at(s, slot), key, s->words)) return slot;
        slot = (slot + 1) & mask;
    }
}

/* Puts states that are distinct, and not in the table, into it. */
void enter(struct search *s, uint64_t first, uint64_t last) {
    const uint64_t mask = ((uint64_t)1 << s->bits) - 1;
    uint64_t hashes[AHEAD];
    for (uint64_t i = first; i < last + AHEAD; i++) {
        if (i >= first + AHEAD) {
            const uint64_t hash = hashes[(i - first) % AHEAD];
            uint64_t slot = home(s, hash);
            while (s->table[slot]) slot = (slot + 1) & mask;
            s->table[slot] = tag(s, hash) | (uint32_t)(i - AHEAD + 1);
        }
        if (i < last) {
            const uint64_t hash = mix(s->states + i * s->words, s->words);
            hashes[(i - first) % AHEAD] = hash;
            __builtin_prefetch(s->table + home(s, hash), 1);
        }
    }
}

/* Exchanges rows and bits: of 64 rows those of each word, of 8 those of each byte. */
static inline void transpose(vector *block, int rows) {
    static const uint64_t masks[6] = {0x5555555555555555u, 0x3333333333333333u, 0x0F0F0F0F0F0F0F0Fu,
                                      0x00FF00FF00FF00FFu, 0x0000FFFF0000FFFFu, 0x00000000FFFFFFFFu};
    for (int stage = rows == 64 ? 5 : 2; stage >= 0; stage--) {
        const int distance = 1 << stage;
        const uint64_t m = masks[stage], d = (uint64_t)distance;
        const vector mask = {m, m, m, m}, by = {d, d, d, d};
        for (int row = 0; row < rows; row++) {
            if (row & distance) continue;
            vector *low = block + row * VECTORS, *high = low + distance * VECTORS;
            for (int k = 0; k < VECTORS; k++) {
                const vector moved = ((low[k] >> by) ^ high[k]) & mask;
                high[k] ^= moved;
                low[k] ^= moved << by;
            }
        }
    }
}

/* Fills the rows of the states' bits from states first to last; what is behind the last is a copy of it. */
static void load(const struct search *s, uint64_t first, uint64_t last) {
    uint64_t block[64 * LANES];
    uint64_t left = s->inputs, *row = s->rows + 2 * LANES;
    for (uint64_t k = 0; k < s->words; k++) {
        for (uint64_t j = 0; j < BLOCK; j++) {
            const uint64_t number = first + j < last ? first + j : last - 1;
            block[j % 64 * LANES + j / 64] = s->states[number * s->words + k];
        }
        transpose((vector *)block, 64);
        const uint64_t bits = left < s->width ? left : s->width;
        memcpy(row, block, bits * LANES * sizeof(uint64_t));
        row += bits * LANES;
        left -= bits;
    }
}

/* One form for all operators, since which comes next cannot be guessed: a & b where the first mask is set, a ^ b where
   the second one is. */
static void run(uint64_t *rows, const struct instruction *code, const struct instruction *end) {
    static const uint64_t both[3] = {~(uint64_t)0, ~(uint64_t)0, 0}, differs[3] = {0, ~(uint64_t)0, ~(uint64_t)0};
    for (; code < end; code++) {
        const uint64_t b = both[code->operator], d = differs[code->operator];
        const vector and_mask = {b, b, b, b}, xor_mask = {d, d, d, d};
        const vector *left = (const vector *)(rows + (uint64_t)code->left * LANES);
        const vector *right = (const vector *)(rows + (uint64_t)code->right * LANES);
        vector *target = (vector *)(rows + (uint64_t)code->target * LANES);
        for (int k = 0; k < VECTORS; k++)
            target[k] = (left[k] & right[k] & and_mask) ^ ((left[k] ^ right[k]) & xor_mask);
    }
}

/* Which states of a block there are. */
static void valid_row(uint64_t *valid, uint64_t states) {
    for (uint64_t w = 0; w < LANES; w++) {
        const uint64_t begin = 64 * w;
        valid[w] = states >= begin + 64 ? ~(uint64_t)0 : states <= begin ? 0 : ((uint64_t)1 << (states - begin)) - 1;
    }
}

/* A move's successors that are looked up together. */
struct batch {
    uint64_t hashes[BATCH], slots[BATCH];
    uint16_t origins[BATCH];
    uint64_t size;
    uint64_t *keys;
};

static void wait_for(struct search *s, const struct batch *b, uint64_t i, uint32_t number) {
    const uint64_t at = s->pending++;
    memcpy(s->waiting + at * s->words, b->keys + i * s->words, s->words * sizeof(uint64_t));
    s->hashes[at] = b->hashes[i];
    s->origins[at] = b->origins[i];
    s->operations[at] = number;
}

/* Keeps the successors of a batch that are not known. */
static void look_up(struct search *s, struct batch *b, uint32_t number) {
    uint16_t likely[BATCH];
    uint64_t found = 0;
    for (uint64_t i = 0; i < b->size; i++) {
        const uint64_t slot = walk(s, home(s, b->hashes[i]), tag(s, b->hashes[i]));
        if (s->table[slot]) {
            __builtin_prefetch(state_at(s, slot));
            b->slots[i] = slot;
            likely[found++] = (uint16_t)i;
        } else {
            wait_for(s, b, i, number);
        }
    }
    for (uint64_t k = 0; k < found; k++) {
        const uint64_t i = likely[k];
        if (!s->table[find(s, b->slots[i], b->keys + i * s->words, tag(s, b->hashes[i]))]) wait_for(s, b, i, number);
    }
    b->size = 0;
}

/* For each byte group of a move, the bytes of its bits: of state j byte j % 64 / 8 of word j / 64 of row j % 8. */
static void gather(const struct search *s, const struct move *m, uint64_t (*bytes)[8][LANES]) {
    for (uint32_t g = m->groups[0]; g < m->groups[1]; g++, bytes++) {
        for (int k = 0; k < 8; k++)
            memcpy((*bytes)[k], s->rows + (uint64_t)s->groups[g].rows[k] * LANES, LANES * sizeof(uint64_t));
        transpose((vector *)*bytes, 8);
    }
}

/* The successor of state j of the block; a move's byte groups are in the order of words. */
static inline void successor(const struct search *s, uint64_t m, uint64_t (*bytes)[8][LANES], uint64_t j, uint64_t *key) {
    const struct group *group = s->groups + s->moves[m].groups[0], *end = s->groups + s->moves[m].groups[1];
    const uint64_t *row = &bytes[0][j % 8][j / 64], shift = j & 56;
    for (uint64_t k = 0; k < s->words; k++) {
        uint64_t word = (s->states[(s->next + j) * s->words + k] & s->keep[m * s->words + k]) | s->put[m * s->words + k];
        for (; group < end && group->word == k; group++, row += 8 * LANES) word |= (*row >> shift & 0xFF) << group->shift;
        key[k] = word;
    }
}

/* Every successor of a block's states under one move. */
static void take(struct search *s, uint64_t m, const uint64_t *enabled, uint64_t (*bytes)[8][LANES], struct batch *b) {
    for (uint64_t w = 0; w < LANES; w++) {
        for (uint64_t left = enabled[w]; left; left &= left - 1) {
            const uint64_t j = 64 * w + (uint64_t)__builtin_ctzll(left);
            uint64_t *key = b->keys + b->size * s->words;
            successor(s, m, bytes, j, key);
            if (same(key, s->states + (s->next + j) * s->words, s->words)) continue;
            const uint64_t hash = mix(key, s->words);
            __builtin_prefetch(s->table + home(s, hash));
            b->hashes[b->size] = hash;
            b->origins[b->size] = (uint16_t)j;
            if (++b->size == BATCH) look_up(s, b, s->moves[m].number);
        }
    }
    look_up(s, b, s->moves[m].number);
}

/* Looks up all successors of a block, operation by operation. `scratch` has room for the byte groups of a move and then
   for the keys of a batch. */
static void scan(struct search *s, uint64_t last, uint64_t *scratch, uint64_t most_groups) {
    uint64_t valid[LANES], enabled[LANES];
    uint64_t(*bytes)[8][LANES] = (uint64_t(*)[8][LANES])scratch;
    struct batch b = {.size = 0, .keys = scratch + most_groups * 8 * LANES};
    load(s, s->next, last);
    valid_row(valid, last - s->next);
    for (uint64_t m = 0; m < s->move_count; m++) {
        const struct move *move = s->moves + m;
        uint64_t any = 0, count = 0;
        run(s->rows, s->code + move->code[0], s->code + move->code[1]);
        for (uint64_t w = 0; w < LANES; w++) {
            enabled[w] = s->rows[(uint64_t)move->guard * LANES + w] & valid[w];
            any |= enabled[w];
        }
        if (!any) continue;
        for (uint64_t w = 0; w < LANES; w++) count += (uint64_t)__builtin_popcountll(enabled[w]);
        s->transitions += count;
        s->fired[move->number] = 1;
        run(s->rows, s->code + move->code[1], s->code + move->code[2]);
        gather(s, move, bytes);
        take(s, m, enabled, bytes, &b);
    }
}

/* Puts what waits into the order of its predecessors; within one, successors are in the order of operations already. */
static void sort_waiting(struct search *s) {
    uint32_t begin[BLOCK + 1] = {0};
    for (uint64_t i = 0; i < s->pending; i++) begin[s->origins[i] + 1]++;
    for (int j = 0; j < BLOCK; j++) begin[j + 1] += begin[j];
    for (uint64_t i = 0; i < s->pending; i++) s->order[begin[s->origins[i]]++] = (uint32_t)i;
}

static void note_step(struct search *s, uint64_t number, uint32_t operation) {
    if (s->step_bytes == 1) ((uint8_t *)s->steps)[number] = (uint8_t)operation;
    else if (s->step_bytes == 2) ((uint16_t *)s->steps)[number] = (uint16_t)operation;
    else ((uint32_t *)s->steps)[number] = operation;
}

/* Gives a number to everything that waits and is new. */
static void add_waiting(struct search *s) {
    sort_waiting(s);
    for (uint64_t k = 0; k < s->pending; k++) {
        if (k + AHEAD < s->pending) __builtin_prefetch(s->table + home(s, s->hashes[s->order[k + AHEAD]]), 1);
        const uint64_t i = s->order[k], hash = s->hashes[i];
        const uint64_t *key = s->waiting + i * s->words;
        const uint64_t slot = find(s, home(s, hash), key, tag(s, hash));
        if (s->table[slot]) continue;
        const uint64_t number = s->count++;
        s->table[slot] = tag(s, hash) | (uint32_t)(number + 1);
        memcpy(s->states + number * s->words, key, s->words * sizeof(uint64_t));
        s->before[number] = (int32_t)(s->next + s->origins[i]);
        note_step(s, number, s->operations[i]);
    }
    s->pending = s->looked_up = 0;
}

/* Expands states from the next one up to `last`. Returns 0 when that is done; otherwise room for so many more states is
   needed, and it goes on where it was when it is called again. */
uint64_t expand(struct search *s, uint64_t last, uint64_t *scratch, uint64_t most_groups) {
    while (s->next < last) {
        const uint64_t end = last - s->next > BLOCK ? s->next + BLOCK : last;
        if (!s->looked_up) scan(s, end, scratch, most_groups);
        s->looked_up = 1;
        if (s->count + s->pending > s->room || s->count + s->pending > s->most) return s->pending;
        add_waiting(s);
        s->next = end;
    }
    return 0;
}
