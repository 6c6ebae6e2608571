#include "dispart/run/report.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace dispart;

TEST_CASE("report: the two sides of a message may tell of it at different times") {
    deployment d;
    d.hosts = {{"a", "a"}, {"b", "b"}};
    d.stages = {{.device = 0}, {.device = 1}};
    d.edges = {{.from = 0, .to = 1}};
    const auto span = [](span_kind what, std::uint64_t request, std::int64_t begin_s, std::int64_t end_s) {
        return span_record{what, request, 0, 5000, begin_s * 1'000'000'000, end_s * 1'000'000'000};
    };
    const std::vector<detail::placed_spans> first{
        {0, {span(span_kind::sent, 0, 1, 2), span(span_kind::sent, 1, 2, 3)}},
        {1, {span(span_kind::received, 0, 3, 4)}}};
    const std::vector<detail::placed_spans> second{{1, {span(span_kind::received, 1, 5, 7)}}};
    const detail::report_scope all{0, 10, 0};
    detail::transfer_matcher messages;
    std::vector<event> seen;
    messages.add(first, d, all, seen);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].begin.value == 1.0);
    CHECK(seen[0].end.value == 4.0);
    messages.add(second, d, all, seen);
    REQUIRE(seen.size() == 2);
    CHECK(seen[1].request == 1);
    CHECK(seen[1].begin.value == 2.0);
    CHECK(seen[1].end.value == 7.0);
    CHECK(seen[1].device == 0);
    CHECK(seen[1].peer == 1);
    messages.add(second, d, all, seen);  // nobody told of its sending
    CHECK(seen.size() == 2);
    messages.add_rest(seen);
    CHECK(seen.size() == 3);
}
