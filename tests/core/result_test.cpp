#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "dispart/core/contracts.hpp"
#include "dispart/core/result.hpp"

using namespace dispart;

namespace {
result<int> half(int x) {
    if (x % 2 != 0) return fail(errc::invalid_argument, std::to_string(x), "is odd", "pass an even number");
    return x / 2;
}
result<int> quarter(int x) {
    DISPART_TRY(const int once, half(x));
    DISPART_TRY(const int twice, half(once));
    return twice;
}
result<void> even(int x) {
    DISPART_CHECK(half(x));
    return {};
}
}  // namespace

TEST_CASE("result: DISPART_TRY binds a value or hands the error on") {
    CHECK(quarter(12).value() == 3);
    REQUIRE_FALSE(quarter(6));
    CHECK(quarter(6).error().offender == "3");
    CHECK(even(4));
    CHECK(even(5).error().code == errc::invalid_argument);
}

TEST_CASE("error: the text names code, offender, message and hint, and leaves out what is empty") {
    CHECK(to_string(half(3).error()) == "invalid_argument: 3: is odd (pass an even number)");
    CHECK(to_string(error{errc::timeout, "", "too late", ""}) == "timeout: too late");
    CHECK(to_string(errc::cancelled) == "cancelled");
}

TEST_CASE("DISPART_EXPECTS: a broken precondition reaches the installed handler") {
    const auto before =
        set_contract_handler([](const char* what, const char*, int) { throw std::logic_error(what); });
    const int x = 1;
    CHECK_NOTHROW(DISPART_EXPECTS(x == 1));
    CHECK_THROWS_WITH(DISPART_EXPECTS(x == 2), "x == 2");
    set_contract_handler(before);
}
