#include "cmocka_tests.h"
#include "eeprom_array.h"
#include "settings.h"

static struct settings settings;
static struct settings_commit commit;

static int start(void **state)
{
    (void)state;
    eeprom_array_erase();
    settings_read(&settings, &commit);
    return 0;
}

// Operations done; ends in the middle of operation number `cut_at`.
static int commit_until(int cut_at)
{
    int operations = 0;
    settings_begin(&settings, &commit);
    for (;;) {
        const struct eeprom_step step = settings_step(&settings, &commit);
        if (step.action == EEPROM_NOTHING) {
            return operations;
        }
        if (++operations == cut_at) {
            eeprom_array[step.address] = 0x5A;
            return operations;
        }
        eeprom_apply(step);
    }
}

static void an_empty_eeprom_gives_the_defaults(void **state)
{
    (void)state;
    assert_int_equal(settings.hardware[1], BOARD_HW_MAJOR);
    assert_int_equal(settings.port[0], PORT_UNUSED);
    assert_int_equal(settings.enabled[0], 0);
    assert_int_equal(settings.led, 0xFF);
}

static void what_is_committed_is_read_again(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 600; i++) { // the sequence number wraps
        settings.meterconst[3] = i;
        settings.port[4] = 2;
        commit_until(0);
        assert_true(settings_durable(&settings, &commit));
        struct settings read;
        struct settings_commit fresh;
        settings_read(&read, &fresh);
        assert_int_equal(read.meterconst[3], i);
        assert_int_equal(read.port[4], 2);
    }
    assert_int_equal(commit_until(0), 0); // nothing new: nothing is written
}

static void a_cut_at_any_byte_leaves_the_old_or_the_new_settings(void **state)
{
    (void)state;
    settings.meterconst[0] = 1111;
    commit_until(0);
    for (int cut = 1; cut < 60; cut++) {
        uint8_t before[EEPROM_BYTES];
        memcpy(before, eeprom_array, sizeof before);
        const struct settings_commit commit_before = commit;
        settings.meterconst[0] = 2222;
        settings.fraction[5] = 0x0101;
        commit_until(cut);
        struct settings read;
        struct settings_commit fresh;
        settings_read(&read, &fresh);
        assert_true(read.meterconst[0] == 1111 || read.meterconst[0] == 2222);
        assert_int_equal(read.fraction[5], read.meterconst[0] == 2222 ? 0x0101 : 0);
        memcpy(eeprom_array, before, sizeof before);
        settings_read(&settings, &commit);
        assert_int_equal(commit.place, commit_before.place);
    }
}

static void a_worn_byte_makes_no_commit_durable(void **state)
{
    (void)state;
    settings.meterconst[0] = 1111;
    commit_until(0);
    eeprom_stuck_at = (uint16_t)(SETTINGS_START + (commit.place ? 0U : sizeof(struct settings)) + 1U);
    settings.meterconst[0] = 2222;
    commit_until(0);
    assert_false(settings_durable(&settings, &commit));
    commit_until(0);
    settings_read(&settings, &commit);
    assert_int_equal(settings.meterconst[0], 1111);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_eeprom_gives_the_defaults, start),
        cmocka_unit_test_setup(what_is_committed_is_read_again, start),
        cmocka_unit_test_setup(a_cut_at_any_byte_leaves_the_old_or_the_new_settings, start),
        cmocka_unit_test_setup(a_worn_byte_makes_no_commit_durable, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
