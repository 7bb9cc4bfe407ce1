#include "cmocka_tests.h"
#include "crc8.h"
#include "frame.h"

static uint8_t to_bus_bytes[32], from_bus_bytes[64];
struct queue bus_to_send, bus_received;
static struct frame frame;
static uint8_t next; // what the slave shifts out next
static char heard[300];

static int start(void **state)
{
    (void)state;
    bus_to_send = (struct queue){.mask = 31, .bytes = to_bus_bytes};
    bus_received = (struct queue){.mask = 63, .bytes = from_bus_bytes};
    memset(&frame, 0xA5, sizeof frame);
    frame_start(&frame);
    next = 0;
    return 0;
}

static uint8_t transfer(uint8_t byte)
{
    const uint8_t out = next;
    next = frame_exchange(&frame, byte);
    return out;
}

static void send_without_zeros(const char *text)
{
    while (*text) {
        (void)transfer((uint8_t)*text++);
    }
}

static void send(const char *text)
{
    send_without_zeros(text);
    assert_int_equal(transfer(0), 0);
    assert_int_equal(transfer(0), 0);
}

// Up to the zero; `dummy` bytes after it.
static const char *read_frame(int dummy)
{
    size_t length = 0;
    while ((heard[length] = (char)transfer(0)) != '\0') {
        length++;
        assert_true(length < sizeof heard);
    }
    while (dummy--) {
        (void)transfer(0);
    }
    return heard;
}

static void reply_with(char first, char second, const char *bytes, uint8_t length)
{
    assert_int_equal(frame.control, FRAME_ASKED);
    frame.reply.command[0] = first;
    frame.reply.command[1] = second;
    frame.reply.length = length;
    memcpy(frame.reply.bytes, bytes, length);
    frame_answer(&frame);
}

static void the_real_bytes_of_gh(void **state) // trap 28: two zeros, dummy byte
{
    (void)state;
    send("lgh93.");
    assert_int_equal(frame_check(&frame), FRAME_GOOD);
    assert_int_equal(frame.message.length, 2);
    reply_with('g', 'h', "\x00\x02\x01", 3);
    assert_string_equal(read_frame(1), "lgh00020195.u");
    assert_string_equal(read_frame(1), ""); // idle: nothing at first
    assert_string_equal(read_frame(1), "lu");
}

static void a_missing_zero_or_dummy_byte_loses_nothing(void **state) // trap 28
{
    (void)state;
    for (int zeros = 0; zeros < 3; zeros++) {
        for (int dummy = 0; dummy < 3; dummy++) {
            send_without_zeros("lgh93.");
            for (int i = 0; i < zeros; i++) {
                (void)transfer(0);
            }
            send("lgd30."); // the first one waits for its answer: the second is not taken
            assert_int_equal(frame_check(&frame), FRAME_GOOD);
            assert_memory_equal(frame.message.text, "gh", 2);
            reply_with('g', 'h', "\x00\x02\x01", 3);
            assert_string_equal(read_frame(dummy), "lgh00020195.u");
        }
    }
}

static void a_write_after_an_empty_read_is_not_lost(void **state) // the original loses it
{
    (void)state;
    assert_string_equal(read_frame(1), "");
    send("lgh93.");
    assert_int_equal(frame.control, FRAME_ASKED);
}

static void every_crc_of_the_reference(void **state) // trap 29
{
    static const char *const vectors[] = {
        "gd30", "gh93", "gs2e", "gw4f", "gbed", "gpcc", "gk71", "gicd", "ct96", "gc00c4", "se000159", "sh00020236", "sm00142beb",
        "sc00000003e88b", "zzd7", "zy35",
    };
    (void)state;
    for (size_t i = 0; i < 16; i++) {
        char text[40] = "l"; // message and CRC
        strcat(strcat(text, vectors[i]), ".");
        send(text);
        assert_int_equal(frame_check(&frame), FRAME_GOOD);
        frame_drop(&frame);
        for (size_t at = 1; at < strlen(text) - 1; at++) { // any digit or letter changed
            char wrong[40];
            strcpy(wrong, text);
            wrong[at] ^= 1;
            send(wrong);
            assert_int_not_equal(frame_check(&frame), FRAME_GOOD);
            frame_drop(&frame);
        }
    }
    uint8_t crc = 0;
    for (const char *digit = "123456789"; *digit; digit++) {
        crc = crc8_byte(crc, (uint8_t)*digit);
    }
    assert_int_equal(crc, 0xA1);
}

static void upper_case_digits_are_accepted(void **state)
{
    (void)state;
    send("lgpCC.");
    assert_int_equal(frame_check(&frame), FRAME_GOOD);
}

static void short_and_long_messages(void **state)
{
    (void)state;
    static const char *const shorts[] = {"l.", "lg.", "lgd.", "lgd3."};
    for (size_t i = 0; i < 4; i++) {
        send(shorts[i]);
        assert_int_equal(frame_check(&frame), FRAME_SHORT);
        reply_with('z', 'y', "", 0);
        assert_string_equal(read_frame(1), "lzy35.u"); // the original loses the next command
    }
    send("l01234567890123456789012345678901.");
    assert_int_equal(frame_check(&frame), FRAME_WRONG); // 32 fit
    frame_drop(&frame);
    char endless[1000] = "l";
    memset(endless + 1, 'g', 900);
    endless[901] = '.';
    send(endless);
    assert_int_equal(frame_check(&frame), FRAME_WRONG);
    reply_with('z', 'z', "", 0);
    assert_string_equal(read_frame(1), "lzzd7.u");
}

static void a_message_cut_short_is_forgotten(void **state)
{
    (void)state;
    send("lgh9");
    assert_int_equal(frame.control, FRAME_IDLE);
    assert_string_equal(read_frame(1), "lu");
    send("lglgh93."); // a byte was lost, the next message begins
    assert_int_equal(frame_check(&frame), FRAME_GOOD);
}

static void a_read_without_the_wait_finds_no_reply_and_the_next_one_does(void **state) // board B answers with a wrong CRC
{
    (void)state;
    send("lgh93.");
    assert_string_equal(read_frame(1), "lu");
    reply_with('g', 'h', "\x00\x02\x01", 3);
    assert_string_equal(read_frame(1), "");
    assert_string_equal(read_frame(1), "lgh00020195.u");
    assert_false(frame.unread);
    send("lgh93.");
    reply_with('g', 'h', "\x00\x02\x01", 3);
    send("lgd30."); // never read
    assert_true(frame.unread);
}

static void bytes_for_the_bus_go_both_ways(void **state)
{
    (void)state;
    send("u0103fF00");
    assert_int_equal(queue_fill(&bus_to_send), 4);
    assert_memory_equal(to_bus_bytes, "\x01\x03\xff\x00", 4);
    send("u1x22");
    assert_int_equal(queue_fill(&bus_to_send), 4); // garbled: not one wrong byte
    for (int i = 0; i < 3; i++) {
        (void)queue_put(&bus_received, (uint8_t)(0x9f + i));
    }
    assert_string_equal(read_frame(1), "lu9fa0a1");
    send("lgh93.");
    reply_with('g', 'h', "\x00\x02\x01", 3);
    (void)queue_put(&bus_received, 0x05);
    assert_string_equal(read_frame(1), "lgh00020195.u05");
    for (int i = 0; i < 100; i++) {
        (void)queue_put(&bus_received, (uint8_t)i);
    }
    assert_int_equal(queue_fill(&bus_received), 64);
    assert_string_equal(read_frame(1), "");
    assert_int_equal(strlen(read_frame(1)), 2 + 128);
}

static void a_transmission_ends_although_bytes_keep_coming(void **state)
{
    (void)state;
    send("u");
    (void)queue_put(&bus_received, 1);
    size_t length = 0;
    while (transfer(0) != 0) {
        (void)queue_put(&bus_received, 2);
        assert_true(++length < 20);
    }
}

static void noise_never_breaks_it(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (int i = 0; i < 200000; i++) {
        random = random * 1664525U + 1013904223U;
        (void)transfer((random >> 31) ? 0 : (uint8_t)("lu.gc0f\x80"[random >> 28]));
        if (frame.control == FRAME_ASKED) {
            (void)frame_check(&frame);
            reply_with('g', 'h', "\x00\x02\x01", 3);
        }
        while (queue_fill(&bus_to_send)) {
            (void)queue_take(&bus_to_send);
        }
    }
    (void)read_frame(1);
    (void)read_frame(1);
    send("lgh93.");
    assert_int_equal(frame_check(&frame), FRAME_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_real_bytes_of_gh, start),
        cmocka_unit_test_setup(a_missing_zero_or_dummy_byte_loses_nothing, start),
        cmocka_unit_test_setup(a_write_after_an_empty_read_is_not_lost, start),
        cmocka_unit_test_setup(every_crc_of_the_reference, start),
        cmocka_unit_test_setup(upper_case_digits_are_accepted, start),
        cmocka_unit_test_setup(short_and_long_messages, start),
        cmocka_unit_test_setup(a_message_cut_short_is_forgotten, start),
        cmocka_unit_test_setup(a_read_without_the_wait_finds_no_reply_and_the_next_one_does, start),
        cmocka_unit_test_setup(bytes_for_the_bus_go_both_ways, start),
        cmocka_unit_test_setup(a_transmission_ends_although_bytes_keep_coming, start),
        cmocka_unit_test_setup(noise_never_breaks_it, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
