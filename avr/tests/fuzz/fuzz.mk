# Fuzzing of what reads bytes from outside: one file tests/fuzz/fuzz_<name>.c each, with a corpus in tests/corpus/<name>.
#   make fuzz [FUZZ_SECONDS=5]   runs each for so long after its corpus; what crashes one is left in build/fuzz/<board>/<name>/
#   make fuzz-NAME               only this one
#   make fuzz-corpus-NAME        adds what an own longer run has found to the corpus, as few files as cover the same
FUZZ := build/fuzz/$(BOARD)
FUZZ_SECONDS ?= 5
FUZZERS := $(filter-out $(FOREIGN),$(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
  -include $(HEADER) -Isrc -Itests

.PHONY: fuzz
fuzz: $(FUZZERS:%=fuzz-%)
.PRECIOUS: $(FUZZ)/fuzz_%

$(FUZZ)/fuzz_%: tests/fuzz/fuzz_%.c $(PURE) tests/eeprom_array.c $(wildcard src/*.h tests/*.h) $(HEADER)
	@clang --version >/dev/null 2>&1 && test -e "$$(clang -print-file-name=libclang_rt.fuzzer-$$(uname -m).a)" || \
	  { echo "fuzzing needs clang with its sanitizers; on Debian: apt-get install clang libclang-rt-dev" >&2; exit 1; }
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) $(filter %.c,$^) -o $@ -lm

# The seed is fixed and the new inputs go to the build folder: a run in the suite changes nothing and can be repeated.
fuzz-%: $(FUZZ)/fuzz_%
	@mkdir -p $(FUZZ)/$* tests/corpus/$*
	$< -seed=1 -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=512 -max_len=1024 -print_final_stats=1 -verbosity=0 \
	  -artifact_prefix=$(FUZZ)/$*/ $(FUZZ)/$* tests/corpus/$*

fuzz-corpus-%: $(FUZZ)/fuzz_%
	@mkdir -p $(FUZZ)/$* tests/corpus/$*
	$< -merge=1 tests/corpus/$* $(FUZZ)/$*
