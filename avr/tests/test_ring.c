#include "cmocka_tests.h"
#include "ring.h"

static void bytes_come_out_in_order_across_the_seam(void **state)
{
    (void)state;
    struct ring ring = {0};
    const char line[] = "0123456789";
    for (int round = 0; round < 100; round++) { // many laps, also of the 8-bit counts
        assert_true(ring_write(&ring, line, 10));
        for (int i = 0; i < 10; i++) {
            assert_int_equal(ring_take(&ring), line[i]);
        }
        assert_int_equal(ring_fill(&ring), 0);
    }
}

static void a_line_that_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    struct ring ring = {0};
    char line[RING_BYTES];
    memset(line, 'a', sizeof line);
    assert_true(ring_write(&ring, line, RING_BYTES - 5));
    assert_false(ring_write(&ring, line, 6));
    assert_int_equal(ring_fill(&ring), RING_BYTES - 5);
    assert_true(ring_write(&ring, line, 5));
    assert_int_equal(ring_room(&ring), 0);
    assert_false(ring_write(&ring, line, 1));
    (void)ring_take(&ring);
    assert_true(ring_write(&ring, line, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_in_order_across_the_seam),
        cmocka_unit_test(a_line_that_does_not_fit_is_left_out_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
