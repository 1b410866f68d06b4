// verifiers/script.c -- ranges of Unicode, searched by halves.
#include "verifiers/script.h"

#include <utf8proc.h>

typedef struct ScriptRange {
    uint32_t first, last;
    Script script;
} ScriptRange;

static const ScriptRange ranges[] = {
    {0x41, 0x5a, SCRIPT_LATIN},       {0x61, 0x7a, SCRIPT_LATIN},
    {0xaa, 0xaa, SCRIPT_LATIN},       {0xba, 0xba, SCRIPT_LATIN},
    {0xc0, 0x2af, SCRIPT_LATIN},      {0x370, 0x3ff, SCRIPT_GREEK},
    {0x400, 0x52f, SCRIPT_CYRILLIC},  {0x531, 0x58f, SCRIPT_ARMENIAN},
    {0x591, 0x5f4, SCRIPT_HEBREW},    {0x600, 0x6ff, SCRIPT_ARABIC},
    {0x750, 0x77f, SCRIPT_ARABIC},    {0x900, 0x97f, SCRIPT_DEVANAGARI},
    {0x980, 0x9ff, SCRIPT_BENGALI},   {0xa00, 0xa7f, SCRIPT_GURMUKHI},
    {0xa80, 0xaff, SCRIPT_GUJARATI},  {0xb80, 0xbff, SCRIPT_TAMIL},
    {0xc00, 0xc7f, SCRIPT_TELUGU},    {0xc80, 0xcff, SCRIPT_KANNADA},
    {0xd00, 0xd7f, SCRIPT_MALAYALAM}, {0xd80, 0xdff, SCRIPT_SINHALA},
    {0xe01, 0xe4e, SCRIPT_THAI},      {0xe81, 0xecd, SCRIPT_LAO},
    {0x1000, 0x109f, SCRIPT_MYANMAR}, {0x10a0, 0x10ff, SCRIPT_GEORGIAN},
    {0x1100, 0x11ff, SCRIPT_HANGUL},  {0x1200, 0x137f, SCRIPT_ETHIOPIC},
    {0x1780, 0x17d3, SCRIPT_KHMER},   {0x1e00, 0x1eff, SCRIPT_LATIN},
    {0x1f00, 0x1fff, SCRIPT_GREEK},   {0x3005, 0x3007, SCRIPT_HAN},
    {0x3041, 0x30fa, SCRIPT_KANA},    {0x30fc, 0x30ff, SCRIPT_KANA},
    {0x3130, 0x318f, SCRIPT_HANGUL},  {0x31f0, 0x31ff, SCRIPT_KANA},
    {0x3400, 0x4dbf, SCRIPT_HAN},     {0x4e00, 0x9fff, SCRIPT_HAN},
    {0xac00, 0xd7af, SCRIPT_HANGUL},  {0xf900, 0xfaff, SCRIPT_HAN},
    {0xfb50, 0xfdff, SCRIPT_ARABIC},  {0xfe70, 0xfefc, SCRIPT_ARABIC},
    {0xff21, 0xff5a, SCRIPT_LATIN},   {0xff66, 0xff9d, SCRIPT_KANA},
    {0x20000, 0x2fa1f, SCRIPT_HAN},
};
enum { N_RANGES = sizeof ranges / sizeof *ranges };

Script script_of(uint32_t c) {
    if (c < 0x80) {
        uint32_t low = c | 32;
        return low >= 'a' && low <= 'z' ? SCRIPT_LATIN : SCRIPT_NONE;
    }
    utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);
    bool letter = kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_ME;
    if (!letter && c != 0x3007) return SCRIPT_NONE;
    int low = 0, high = N_RANGES;
    while (high - low > 0) {
        int mid = (low + high) / 2;
        if (c > ranges[mid].last)
            low = mid + 1;
        else
            high = mid;
    }
    return low < N_RANGES && c >= ranges[low].first ? ranges[low].script : SCRIPT_OTHER;
}

bool script_is_mark(uint32_t c) {
    if (c < 0x300) return false;
    utf8proc_category_t kind = utf8proc_category((utf8proc_int32_t)c);
    return kind >= UTF8PROC_CATEGORY_MN && kind <= UTF8PROC_CATEGORY_ME;
}
