// With odr_second.cpp, which is linked into every test: all headers in two translation units of one program.
#include <doctest/doctest.h>

#include "all_headers.hpp"

int odr_second();

TEST_CASE("all headers in two translation units") { CHECK(odr_second() == 2); }
