#include "cmocka_tests.h"
#include "isqrt.h"

static void small_values_have_their_root(void **state)
{
    (void)state;
    for (uint32_t root = 0; root < 1000; root++) {
        for (uint32_t value = root * root; value < (root + 1) * (root + 1); value++) {
            assert_int_equal(isqrt(value), root);
        }
    }
}

static void a_square_has_its_root_and_the_value_below_the_one_below(void **state)
{
    (void)state;
    for (uint64_t root = 1; root < 1UL << 29; root = root * 3 / 2 + 1) {
        assert_int_equal(isqrt(root * root), root);
        assert_int_equal(isqrt(root * root - 1), root - 1);
    }
}

static void the_largest_value_has_the_largest_root(void **state)
{
    (void)state;
    assert_int_equal(isqrt((1ULL << 58) - 1), (1UL << 29) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_values_have_their_root),
        cmocka_unit_test(a_square_has_its_root_and_the_value_below_the_one_below),
        cmocka_unit_test(the_largest_value_has_the_largest_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
