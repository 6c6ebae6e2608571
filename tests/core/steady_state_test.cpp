#include <doctest/doctest.h>

#include <vector>

#include "dispart/core/csr.hpp"
#include "dispart/core/steady_state.hpp"

using namespace dispart;

TEST_CASE("steady_period: the filling of the pipeline does not count") {
    CHECK(steady_period(std::vector<double>{7.0}).value == 0.0);
    CHECK(steady_period(std::vector<double>{7.0, 9.0}).value == doctest::Approx(2.0));
    std::vector<double> finished{100.0, 150.0};
    for (int i = 0; i < 6; ++i) finished.push_back(200.0 + 3.0 * i);
    CHECK(steady_period(finished).value == doctest::Approx(3.0));
}

TEST_CASE("csr: rows come back as they went in") {
    const std::vector<std::vector<std::size_t>> rows{{1, 2}, {}, {3}};
    const csr table(rows);
    REQUIRE(table.size() == 3);
    CHECK(table.item_count() == 3);
    for (std::size_t r = 0; r < rows.size(); ++r)
        CHECK(std::vector<std::size_t>(table[r].begin(), table[r].end()) == rows[r]);
    CHECK(csr().size() == 0);
}
