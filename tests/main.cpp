// The main of every test executable; the tests themselves are tests/<room>/*_test.cpp.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "support/paths.hpp"

// Known to this file alone, so that every other object is the same wherever the checkout lies.
const char* const dispart::test::source_folder = DISPART_SOURCE_DIR;
const char* const dispart::test::configured_corpus = DISPART_CORPUS;
