// verifiers/math/arb_headers.h -- Arb's headers, wherever the installed FLINT has them.
//
// FLINT 3 (Debian 13, Ubuntu 24.04) holds Arb under flint/; beside FLINT 2 (Debian 12) Arb is a
// library of its own.
#ifndef VERIFIERS_MATH_ARB_HEADERS_H
#define VERIFIERS_MATH_ARB_HEADERS_H

#if __has_include(<flint/acb.h>)
#include <flint/acb.h>
#include <flint/arb.h>
#include <flint/arb_fmpz_poly.h>
#else
#include <acb.h>
#include <arb.h>
#include <arb_fmpz_poly.h>
#endif
#include <flint/flint.h>
#include <flint/fmpq.h>
#include <flint/fmpz_vec.h>

#endif
