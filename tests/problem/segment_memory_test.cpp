#include "dispart/problem/segment_memory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "dispart/core/random.hpp"
#include "support/random_instance.hpp"

using namespace dispart;

namespace {

/// The header's definition, word by word: for each step, for each tensor, is it alive?
double by_definition(const instance& p, const std::vector<layer_id>& layers, device_id on) {
    if (layers.empty()) return 0.0;
    const std::set<layer_id> inside(layers.begin(), layers.end());
    const std::set<tensor_id> outputs(p.model_outputs.begin(), p.model_outputs.end());
    double weights = 0.0, peak = 0.0, queued = 0.0;
    for (const layer_id l : layers) weights += p.weight_bytes[l];
    for (const layer_id now : layers) {
        double live = p.workspace(now, on);
        for (tensor_id t = 0; t < p.tensor_count(); ++t) {
            const auto readers = p.consumers[t];
            const bool made_here = p.producer[t] != no_id && inside.count(p.producer[t]);
            const bool read_now_or_later = std::any_of(
                readers.begin(), readers.end(), [&](layer_id r) { return inside.count(r) && r >= now; });
            const bool wanted_outside =
                outputs.count(t) ||
                std::any_of(readers.begin(), readers.end(), [&](layer_id r) { return !inside.count(r); });
            const bool alive = made_here ? p.producer[t] == now ||
                                               (p.producer[t] < now && (read_now_or_later || wanted_outside))
                                         : read_now_or_later;
            if (alive) live += p.tensor_bytes[t];
        }
        peak = std::max(peak, live);
    }
    for (tensor_id t = 0; t < p.tensor_count(); ++t) {
        const auto readers = p.consumers[t];
        const bool made_here = p.producer[t] != no_id && inside.count(p.producer[t]);
        const auto count = static_cast<std::size_t>(
            std::count_if(readers.begin(), readers.end(), [&](layer_id r) { return inside.count(r); }));
        if (!made_here && count > 0) queued += p.queues.inputs * p.tensor_bytes[t];
        if (made_here && (outputs.count(t) || count < readers.size()))
            queued += p.queues.outputs * p.tensor_bytes[t];
    }
    return weights + peak + queued;
}

std::vector<layer_id> range(layer_id first, layer_id end) {
    std::vector<layer_id> all(end - first);
    std::iota(all.begin(), all.end(), first);
    return all;
}

/// a -> b -> c, sizes 1 (input), 10, 100, 1000 (output), weights 5 each.
instance three_in_a_row() {
    instance p;
    p.layer_class = {0, 0, 0};
    p.device_class = {0};
    p.fixed_seconds = p.marginal_seconds = p.workspace_bytes = xt::zeros<double>({1, 1});
    p.allowed = xt::ones<std::uint8_t>({1, 1});
    p.weight_bytes = {5, 5, 5};
    p.tensor_bytes = {1, 10, 100, 1000};
    p.producer = {no_id, 0, 1, 2};
    p.consumers = csr({{0}, {1}, {2}, {}});
    p.reads = csr({{0}, {1}, {2}});
    p.writes = csr({{1}, {2}, {3}});
    p.model_inputs = {0};
    p.model_outputs = {3};
    return p;
}

}  // namespace

TEST_CASE("hand-computed: a chain of three") {
    instance p = three_in_a_row();
    p.queues = {.inputs = 0, .outputs = 0};
    CHECK(segment_memory(p).bytes(0, 1, 0) == 5 + 11);
    CHECK(segment_memory(p).bytes(0, 2, 0) == 10 + 110);
    CHECK(segment_memory(p).bytes(0, 3, 0) == 15 + 1100);
    CHECK(segment_memory(p).bytes(1, 2, 0) == 5 + 110);
    p.queues = {.inputs = 2, .outputs = 1};
    CHECK(segment_memory(p).bytes(1, 2, 0) == 5 + 110 + 2 * 10 + 100);
    CHECK(segment_memory(p).bytes(1, 1, 0) == 0);
}

TEST_CASE("every segment of random instances has the memory that the definition says") {
    random_source random(2);
    for (int trial = 0; trial < 400; ++trial) {
        const auto p = test::random_instance(
            random, {.layers = 1 + random.index(12), .devices = 2, .extra_reads = random.index(20)});
        segment_memory memory(p);
        for (layer_id first = 0; first < p.layer_count(); ++first) {
            const device_id on = random.index(2);
            const auto row = memory.row(first, on);
            REQUIRE(row.size() == p.layer_count() - first);
            layer_id reach = first;
            const double capacity = random.uniform(0.0, 300.0);
            for (layer_id end = first + 1; end <= p.layer_count(); ++end) {
                const double expected = by_definition(p, range(first, end), on);
                REQUIRE(row[end - first - 1] == expected);
                if (expected <= capacity) reach = end;
            }
            REQUIRE(memory.reach(first, on, capacity) == reach);
            REQUIRE(memory.bytes(first, reach, on) == by_definition(p, range(first, reach), on));
        }
    }
}

TEST_CASE("weights and peak grow with the segment") {
    random_source random(4);
    for (int trial = 0; trial < 200; ++trial) {
        auto p = test::random_instance(random, {.layers = 10, .extra_reads = 10});
        p.queues = {.inputs = 0, .outputs = 0};
        segment_memory memory(p);
        for (layer_id first = 0; first + 1 < p.layer_count(); ++first) {
            const auto row = memory.row(first, 0), shorter = memory.row(first + 1, 0);
            CHECK(std::is_sorted(row.begin(), row.end()));
            for (std::size_t k = 0; k < shorter.size(); ++k) CHECK(row[k + 1] >= shorter[k]);
        }
    }
}

TEST_CASE("the maximum under additions to a suffix") {
    random_source random(5);
    detail::suffix_maximum fast;
    for (int trial = 0; trial < 300; ++trial) {
        fast.clear(40);
        std::vector<double> slow;
        while (slow.size() < 40) {
            const auto value = static_cast<double>(random.integer(0, 20));
            if (slow.empty() || random.chance(0.4)) {
                slow.push_back(value);
                fast.append(value);
            } else {
                const std::size_t from = random.index(slow.size());
                for (std::size_t k = from; k < slow.size(); ++k) slow[k] += value;
                fast.add(from, value);
            }
            REQUIRE(fast.maximum() == *std::max_element(slow.begin(), slow.end()));
        }
    }
}
