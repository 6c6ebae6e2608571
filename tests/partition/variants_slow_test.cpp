// The published instances with other device counts, memory, bandwidths and costs: what must hold whatever the answer.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/io/json/dnn_partitioning.hpp"
#include "dispart/io/json/pipeedge.hpp"
#include "dispart/partition/chain_orders.hpp"
#include "dispart/partition/place.hpp"
#include "support/corpus.hpp"

using namespace dispart;

namespace {

instance published(const std::filesystem::path& file) {
    return io::read_dnn_partitioning(io::read_text(file).value()).value().problem;
}

// Other numbers of accelerators and CPUs, as if the file said so.
instance with_machines(instance p, std::size_t accelerators, std::size_t cpus, double capacity) {
    p.device_class.clear(), p.net_seconds_per_byte.clear(), p.memory_capacity.clear(), p.unlimited.clear();
    p.device_names.clear();
    for (device_id d = 0; d < accelerators + cpus; ++d) {
        const bool is_cpu = d >= accelerators;
        p.device_class.push_back(is_cpu ? 1 : 0);
        p.net_seconds_per_byte.push_back(is_cpu ? 0.0 : 1.0);
        p.memory_capacity.push_back(is_cpu ? std::numeric_limits<double>::infinity() : capacity);
        p.unlimited.push_back(is_cpu ? 1 : 0);
    }
    return p;
}

double all_weights(const instance& p) {
    double sum = 0.0;
    for (const double w : p.weight_bytes) sum += w;
    return sum;
}

// The exact contiguous value; infinite where there is none.
double contiguous_value(const instance& p) {
    const auto found = place_contiguous(p, {.budget = {120.0}});
    if (!found) {
        CHECK(found.error().code == errc::infeasible);
        return std::numeric_limits<double>::infinity();
    }
    CHECK(found->is_optimal());
    const auto achieved = evaluate_assignment(p, found->devices, objective::throughput);
    REQUIRE(achieved);
    CHECK(achieved->value == found->value);
    return found->value;
}

// The least period of a chain file by layers done and devices of each kind used (mixed radix).
double period_by_kinds(const instance& p) {
    std::vector<std::vector<device_id>> kinds;
    for (device_id d = 0; d < p.device_count(); ++d) {
        const auto same = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) {
            return p.device_class[kind.front()] == p.device_class[d];
        });
        if (same == kinds.end()) kinds.push_back({d});
        else same->push_back(d);
    }
    std::vector<std::size_t> stride;
    std::size_t states = 1;
    for (const auto& kind : kinds) stride.push_back(states), states *= kind.size() + 1;
    const std::size_t n = p.layer_count();
    std::vector<std::vector<double>> best(
        n + 1, std::vector<double>(states, std::numeric_limits<double>::infinity()));
    best[0][0] = 0.0;
    for (layer_id first = 0; first < n; ++first)
        for (layer_id end = first + 1; end <= n; ++end) {
            part run;
            for (layer_id l = first; l < end; ++l) run.layers.push_back(l);
            for (std::size_t k = 0; k < kinds.size(); ++k) {
                run.device = kinds[k].front();
                double load = 0.0, sent = 0.0;
                bool allowed = true;
                for (const layer_id l : run.layers) {
                    allowed = allowed && p.is_allowed(l, run.device);
                    load += p.compute(l, run.device);
                }
                for (const tensor_id t : p.writes[end - 1]) sent += p.tensor_bytes[t];
                load = std::max(load, p.seconds_per_byte(run.device, p.sink) * sent);
                if (!allowed) continue;
                if (part_memory(p, run).total() > p.memory_capacity[run.device] * (1.0 + 1e-12)) continue;
                for (std::size_t s = 0; s < states; ++s)
                    if (s / stride[k] % (kinds[k].size() + 1) < kinds[k].size())
                        best[end][s + stride[k]] =
                            std::min(best[end][s + stride[k]], std::max(best[first][s], load));
            }
        }
    return *std::min_element(best[n].begin(), best[n].end());
}

}  // namespace

TEST_CASE("contiguous optima of variants: more machines never hurt, and units do not matter") {
    const auto data = test::corpus();
    if (!data) {
        MESSAGE("skipped: no corpus");
        return;
    }
    random_source random(77);
    for (const std::string name :
         {"layer_bert24_inference", "layer_bert24_training", "layer_resnet50_inference",
          "operator_bert_l-3_inference", "operator_bert_l-3_training"}) {
        CAPTURE(name);
        const instance base = published(*data / "dnn-partitioning" / (name + ".json"));
        const double weights = all_weights(base);
        for (int round = 0; round < 6; ++round) {
            const std::size_t accelerators = 1 + random.index(6), cpus = random.index(3);
            const double capacity = weights / static_cast<double>(accelerators) * random.uniform(0.4, 2.0);
            CAPTURE(accelerators);
            CAPTURE(cpus);
            CAPTURE(capacity);
            const instance p = with_machines(base, accelerators, cpus, capacity);
            const double value = contiguous_value(p);
            CHECK(contiguous_value(with_machines(base, accelerators + 1, cpus, capacity)) <=
                  value * (1.0 + 1e-9));
            CHECK(contiguous_value(with_machines(base, accelerators, cpus + 1, capacity)) <=
                  value * (1.0 + 1e-9));
            CHECK(contiguous_value(with_machines(base, accelerators, cpus, capacity * 1.3)) <=
                  value * (1.0 + 1e-9));
            instance scaled = p;
            for (double& t : scaled.marginal_seconds) t *= 1e-4;
            for (double& b : scaled.tensor_bytes) b *= 1e-4;
            const double other = contiguous_value(scaled);
            CHECK((other == value || other == doctest::Approx(value * 1e-4).epsilon(1e-9)));
            const auto free = place(p, objective::throughput, {.budget = {60.0, 200'000}});
            CHECK(free.has_value() >= (value < std::numeric_limits<double>::infinity()));
            if (!free) continue;
            CHECK(free->value <= value * (1.0 + 1e-9));
            CHECK(free->bound <= free->value);
        }
    }
}

TEST_CASE("latency of variants keeps to memory and is never above one device after the other") {
    const auto data = test::corpus();
    if (!data) {
        MESSAGE("skipped: no corpus");
        return;
    }
    random_source random(78);
    for (const std::string name : {"layer_bert24_inference", "layer_gnmt_inference"}) {
        CAPTURE(name);
        const instance base = published(*data / "dnn-partitioning/latency" / (name + ".json"));
        for (int round = 0; round < 5; ++round) {
            const std::size_t accelerators = 1 + random.index(6);
            const double capacity =
                all_weights(base) / static_cast<double>(accelerators) * random.uniform(0.5, 2.0);
            const instance p = with_machines(base, accelerators, 1, capacity);
            const auto found = place(p, objective::latency, {.budget = {60.0, 50'000}});
            REQUIRE(found);  // the CPU takes what fits nowhere else
            const auto achieved = evaluate_assignment(p, found->devices, objective::latency);
            REQUIRE(achieved);
            CHECK(achieved->value == found->value);
            CHECK(found->bound <= found->value);
            const auto on_cpu =
                evaluate_assignment(p, assignment(p.layer_count(), accelerators), objective::latency);
            REQUIRE(on_cpu);
            CHECK(found->value <= on_cpu->value * (1.0 + 1e-9));
        }
    }
}

TEST_CASE("published chains on other mixes of devices equal dynamic programming over kinds") {
    const auto data = test::corpus();
    if (!data) {
        MESSAGE("skipped: no corpus");
        return;
    }
    random_source random(79);
    for (const std::string name : {"vit_base_batch8", "vit_large_batch8"}) {
        const std::string text = io::read_text(*data / "chains" / (name + ".json")).value();
        for (int round = 0; round < 8; ++round) {
            auto document = io::parse_json(text).value();
            for (auto& type : document["devices"]) {
                type["count"] = 1 + random.index(5);
                type["bandwidth_bytes_per_s"] =
                    131072000.0 * (random.chance(0.5) ? 1.0 : random.uniform(0.02, 0.5));
                if (random.chance(0.5))
                    type["memory_bytes"] = type["memory_bytes"].get<double>() * random.uniform(0.1, 1.0);
            }
            CAPTURE(name);
            CAPTURE(document["devices"].dump());
            const auto read = io::parse_chain(document.dump());
            REQUIRE(read);
            const double expected = period_by_kinds(read->problem);
            const auto found = chain_orders_partitioner{}.solve(read->problem, objective::throughput);
            if (expected == std::numeric_limits<double>::infinity()) {
                CHECK(!found);
                continue;
            }
            REQUIRE(found);
            CHECK(found->exact);
            CHECK(found->chain.value == doctest::Approx(expected).epsilon(1e-7));
        }
    }
}
