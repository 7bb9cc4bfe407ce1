#include "cmocka_tests.h"
#include "power_fail.h"

static void a_cut_saves_once(void **state)
{
    (void)state;
    struct power_fail power;
    power_fail_start(&power);
    assert_int_equal(power_fail_wait(&power, false, 100), POWER_NOTHING);
    assert_int_equal(power_fail_edge(&power), POWER_SAVE);
    assert_int_equal(power_fail_edge(&power), POWER_NOTHING); // chatter on the way down
    assert_int_equal(power.state, POWER_SAVED);
}

static int wait_for_resume(struct power_fail *power, bool low)
{
    int waited_ms = 100;
    while (power_fail_wait(power, low, 100) != POWER_RESUME) {
        waited_ms += 100;
        assert_true(waited_ms < 10000);
    }
    return waited_ms;
}

static void a_dip_resumes_after_a_steady_second(void **state)
{
    (void)state;
    struct power_fail power;
    power_fail_start(&power);
    (void)power_fail_edge(&power);
    assert_int_equal(power_fail_wait(&power, true, 100), POWER_NOTHING);
    assert_int_equal(wait_for_resume(&power, false), POWER_BACK_MS);
    assert_int_equal(power.state, POWER_GOOD);
    assert_int_equal(power_fail_edge(&power), POWER_SAVE);
}

static void a_lasting_sag_does_not_silence_the_board_for_ever(void **state)
{
    (void)state;
    struct power_fail power;
    power_fail_start(&power);
    (void)power_fail_edge(&power);
    assert_int_equal(wait_for_resume(&power, true), POWER_ALIVE_MS);
}

static void a_chattering_supply_neither_silences_it_nor_wears_the_eeprom_out(void **state)
{
    (void)state;
    struct power_fail power;
    power_fail_start(&power);
    int saves = 0, silent = 0;
    const int tenths = 36000; // an hour
    for (int i = 0; i < tenths; i++) {
        saves += power_fail_edge(&power) == POWER_SAVE;
        (void)power_fail_wait(&power, i % 2 == 0, 100);
        silent += power.state == POWER_SAVED;
    }
    assert_true(saves <= (int)POWER_SAVES + tenths * 100 / (int)POWER_REFILL_MS);
    assert_true(saves >= (int)POWER_SAVES);
    assert_true(silent < tenths / 20);
}

static void a_lasting_sag_brings_four_checkpoints_further_and_further_apart(void **state)
{
    (void)state;
    struct power_fail power;
    power_fail_start(&power); // low from power-up on: there is not even a first edge
    int checkpoints = 0;
    for (int second = 1; second <= 86400; second++) {
        if (power_fail_sags(&power, true)) {
            assert_int_equal(second, 64 << checkpoints);
            checkpoints++;
        }
        assert_false(power_fail_sags(&power, false)); // a good second in between changes nothing
    }
    assert_int_equal(checkpoints, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_saves_once),
        cmocka_unit_test(a_dip_resumes_after_a_steady_second),
        cmocka_unit_test(a_lasting_sag_does_not_silence_the_board_for_ever),
        cmocka_unit_test(a_lasting_sag_brings_four_checkpoints_further_and_further_apart),
        cmocka_unit_test(a_chattering_supply_neither_silences_it_nor_wears_the_eeprom_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
