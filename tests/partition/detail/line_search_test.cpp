#include "dispart/partition/detail/line_search.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "dispart/partition/exhaustive.hpp"
#include "support/random_instance.hpp"

using namespace dispart;

namespace {

constexpr double none = std::numeric_limits<double>::infinity();

instance small_chain(random_source& random) {
    auto problem = test::as_chain(test::random_instance(random, {.layers = 1 + random.index(6),
                                                                 .devices = 1 + random.index(4),
                                                                 .forbidden = random.chance(0.5) ? 0.0 : 0.15,
                                                                 .unreachable = random.chance(0.7) ? 0.0 : 0.3,
                                                                 .places = random.chance(0.5)}));
    if (random.chance(0.3)) problem.load = load_model::serial;
    return problem;
}

double value_of(const instance& problem, const std::vector<device_id>& order, objective goal) {
    const auto found = exhaustive_partitioner{.order = order}(problem, goal);
    return found ? evaluate(problem, *found)->value(goal) : none;
}

/// Over all orders, or the given one, with at most two devices if `pairs`.
double best_value(const instance& problem, std::vector<device_id> order, objective goal, bool any, bool pairs) {
    double best = none;
    if (pairs)
        for (const device_id a : order)
            for (const device_id b : order) {
                const bool listed =
                    std::find(order.begin(), order.end(), a) <= std::find(order.begin(), order.end(), b);
                if (a == b) best = std::min(best, value_of(problem, {a}, goal));
                else if (any || listed) best = std::min(best, value_of(problem, {a, b}, goal));
            }
    else do
            best = std::min(best, value_of(problem, order, goal));
        while (any && std::next_permutation(order.begin(), order.end()));
    return best;
}

partition division_of(const detail::line& line, const detail::line_division& found) {
    std::vector<std::size_t> cuts;
    for (const std::size_t cut : found.cuts) cuts.push_back(line.cuts[cut]);
    return detail::contiguous_partition(cuts, found.devices);
}

/// What evaluate says of the division found and what the search claims; both infinite where it found none.
std::pair<double, double> searched(const instance& problem, const detail::line_states& states, objective goal,
                                   const detail::line& line) {
    const detail::line_tables tables(problem, line);
    detail::line_search search(tables, states);
    double bound = none;
    const auto found =
        goal == objective::latency ? search.least_latency() : search.least_load(0.0, 1e30, bound);
    if (!found) return {none, none};
    if (goal == objective::latency) bound = found->value;
    const auto achieved = evaluate(problem, division_of(line, *found));
    REQUIRE(achieved);
    return {achieved->value(goal), bound};
}
std::pair<double, double> searched(const instance& problem, const detail::line_states& states, objective goal) {
    return searched(problem, states, goal, *detail::make_line(problem));
}

/// All runs of layers on increasing positions of the order.
template <class Visit>
void for_each_division(const instance& problem, const std::vector<device_id>& order, Visit visit,
                       std::vector<layer_id> cuts = {0}, std::vector<device_id> devices = {},
                       std::size_t next = 0) {
    for (; next < order.size() && cuts.back() < problem.layer_count(); ++next)
        for (layer_id end = cuts.back() + 1; end <= problem.layer_count(); ++end) {
            auto longer = cuts;
            auto more = devices;
            longer.push_back(end), more.push_back(order[next]);
            if (end == problem.layer_count()) visit(detail::contiguous_partition(longer, more));
            else for_each_division(problem, order, visit, longer, more, next + 1);
        }
}

/// Whether a tensor, a model input or output too, is wanted by a part that is not next to its maker's.
bool skips_a_part(const instance& problem, const partition& division) {
    std::vector<std::size_t> part_of(problem.layer_count());
    for (std::size_t k = 0; k < division.parts.size(); ++k)
        for (const layer_id l : division.parts[k].layers) part_of[l] = k;
    for (tensor_id t = 0; t < problem.tensor_count(); ++t) {
        const bool made = problem.producer[t] != no_id;
        const std::size_t from = made ? part_of[problem.producer[t]] + 1 : 0;
        for (const layer_id reader : problem.consumers[t])
            if (part_of[reader] > from) return true;
        if (made && detail::is_model_output(problem, t) && from < division.parts.size()) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("chains on ordered and unordered devices equal exhaustive search") {
    random_source random(7);
    int feasible = 0, infeasible = 0, sending = 0;
    for (int round = 0; round < 500; ++round) {
        const auto problem = small_chain(random);
        const auto devices = detail::all_devices(problem);
        std::vector<detail::alike_devices> kinds;
        for (const device_id d : devices) kinds.push_back({d});
        for (const auto goal : {objective::latency, objective::throughput})
            for (const bool any : {false, true})
                for (const std::size_t most : {devices.size(), std::size_t{2}}) {
                    const double best = best_value(problem, devices, goal, any, most == 2);
                    const auto states = any ? *detail::line_states::in_any_order(kinds, most, 100000)
                                            : detail::line_states::in_order(devices, most);
                    const auto [value, bound] = searched(problem, states, goal);
                    CHECK((best == none) == (value == none));
                    if (best == none) ++infeasible;
                    if (best == none || value == none) continue;
                    ++feasible;
                    CHECK(bound <= best * (1.0 + 1e-9));
                    CHECK(value <= bound * (1.0 + 1e-8));
                    CHECK(value == doctest::Approx(best).epsilon(1e-8));
                    if (problem.load == load_model::serial && problem.source != no_id) ++sending;
                }
    }
    CHECK(feasible > 3000);
    CHECK(infeasible > 200);
    CHECK(sending > 100);
}

TEST_CASE("where tensors skip layers, the best division in which none skips a part is found") {
    random_source random(9);
    int found_any = 0, better_than_blocks = 0;
    for (int round = 0; round < 300; ++round) {
        const auto problem =
            test::random_instance(random, {.layers = 7, .devices = 3, .forbidden = 0.05, .places = true});
        const auto line = detail::make_line(problem);
        if (!line || line->is_whole) continue;
        const auto order = detail::all_devices(problem);
        for (const auto goal : {objective::latency, objective::throughput}) {
            double best = none;
            for_each_division(problem, order, [&](const partition& division) {
                if (skips_a_part(problem, division)) return;
                if (const auto seen = evaluate(problem, division)) best = std::min(best, seen->value(goal));
            });
            const auto [value, bound] =
                searched(problem, detail::line_states::in_order(order, order.size()), goal);
            CHECK((best == none) == (value == none));
            if (best == none) continue;
            ++found_any;
            CHECK(bound <= best * (1.0 + 1e-9));
            if (value <= bound * (1.0 + 1e-8)) CHECK(value == doctest::Approx(best).epsilon(1e-8));
            const auto blocks = *detail::make_line(problem, detail::line_cuts::blocks);
            const auto coarse =
                searched(problem, detail::line_states::in_order(order, order.size()), goal, blocks).first;
            CHECK(value <= coarse * (1.0 + 1e-8));
            if (value < coarse * (1.0 - 1e-6)) ++better_than_blocks;
        }
    }
    CHECK(found_any > 100);
    CHECK(better_than_blocks > 3);
}

TEST_CASE("devices of one kind are exchanged for one another") {
    random_source random(8);
    for (int round = 0; round < 60; ++round) {
        auto problem =
            test::as_chain(test::random_instance(random, {.layers = 6, .devices = 4, .forbidden = 0}));
        // devices 0 and 1 are alike, and 2 and 3
        for (const std::size_t d : {1, 3}) problem.device_class[d] = d - 1;
        for (const device_id d : {1, 3}) problem.memory_capacity[d] = problem.memory_capacity[d - 1];
        for (device_id a = 0; a < 4; ++a)
            for (device_id b = 0; b < 4; ++b) {
                if (a == b) continue;
                const bool within = a / 2 == b / 2;
                problem.latency(a, b) = within ? 1.0 : a < b ? 2.0 : 3.0;
                problem.seconds_per_byte(a, b) = within ? 0.5 : a < b ? 1.0 : 0.25;
                problem.link_seconds_per_byte[problem.routes[a * 4 + b][0]] = problem.seconds_per_byte(a, b);
            }
        const auto together = detail::line_states::in_any_order({{0, 1}, {2, 3}}, 4, 1000);
        const auto apart = detail::line_states::in_any_order({{0}, {1}, {2}, {3}}, 4, 1000);
        CHECK(together->size() < apart->size());
        for (const auto goal : {objective::latency, objective::throughput}) {
            const double value = searched(problem, *together, goal).first;
            if (value == none) CHECK(searched(problem, *apart, goal).first == none);
            else CHECK(value == doctest::Approx(searched(problem, *apart, goal).first).epsilon(1e-8));
        }
    }
}

TEST_CASE("too many sets of devices are not searched") {
    std::vector<detail::alike_devices> kinds;
    for (device_id d = 0; d < 12; ++d) kinds.push_back({d});
    CHECK(!detail::line_states::in_any_order(kinds, 12, 1000));
    CHECK(detail::line_states::in_any_order(kinds, 12, 100'000));
    CHECK(detail::line_states::in_any_order(kinds, 1, 5000)->size() == 12);
}
