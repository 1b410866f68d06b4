// tests/attacks/k42_templates.cpp -- hostile: templates
/* NAME: templates
 * MODE: compile
 * WHAT: templates within templates and constants that take long to work out
 * EXPECTED: runtime_error, memory_limit, time_limit, output_limit
 * OBSERVE: no ESCAPED line */
template <int N> struct Deep { static constexpr long value = Deep<N - 1>::value + Deep<N - 2>::value; };
constexpr long spin(long n) { long s = 0; for (long i = 0; i < n; i++) s += i; return s; }
static_assert(spin(1l << 40) == 0, "");
int main() { return (int)Deep<100000>::value; }
