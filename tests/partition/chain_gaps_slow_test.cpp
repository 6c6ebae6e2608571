// Chains of up to 100 layers on up to 8 different devices are solved, and proven to be: the gap is zero.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "dispart/partition/chain_orders.hpp"
#include "dispart/problem/validate.hpp"
#include "support/chain_links.hpp"

using namespace dispart;

namespace {

struct chain_shape {
    std::size_t layers;
    std::size_t devices;
    bool memory;  ///< devices have little
    bool places;  ///< source and sink are devices that may work too
    load_model load;
};

/// Layers that suit devices differently, on directed links that differ by up to a hundred times.
instance unequal_chain(random_source& random, const chain_shape& like) {
    const std::size_t n = like.layers, m = like.devices;
    instance p;
    p.load = like.load;
    for (auto* table : {&p.fixed_seconds, &p.marginal_seconds, &p.workspace_bytes})
        *table = xt::zeros<double>({n, m});
    p.allowed = xt::ones<std::uint8_t>({n, m});
    p.tensor_bytes = {random.uniform(1e4, 1e6)};
    std::vector<double> speed;
    for (device_id d = 0; d < m; ++d) p.device_class.push_back(d), speed.push_back(random.uniform(1e9, 3e10));
    double weights = 0.0;
    for (layer_id l = 0; l < n; ++l) {
        p.layer_class.push_back(l);
        weights += p.weight_bytes.emplace_back(random.uniform(1e4, 1e7));
        const double work = random.uniform(1e6, 1e9);
        for (device_id d = 0; d < m; ++d) {
            p.marginal_seconds(l, d) = work / speed[d] * random.uniform(0.7, 1.4);
            p.workspace_bytes(l, d) = random.uniform(0.0, 1e5);
        }
        p.tensor_bytes.push_back(random.uniform(1e3, 3e6));
    }
    test::link_as_chain(p, n);
    p.queues = {.inputs = 2.0, .outputs = 1.0, .live = 1.0};
    const double share = weights / static_cast<double>(m);
    for (device_id d = 0; d < m; ++d)
        p.memory_capacity.push_back(like.memory ? share * random.uniform(0.8, 2.5) + 8e6
                                                : std::numeric_limits<double>::infinity());
    p.latency = xt::zeros<double>({m, m});
    p.seconds_per_byte = xt::zeros<double>({m, m});
    for (device_id a = 0; a < m; ++a)
        for (device_id b = 0; b < m; ++b) {
            p.routes.push_back({});
            if (a == b) continue;
            p.latency(a, b) = random.uniform(1e-4, 5e-3);
            p.seconds_per_byte(a, b) = 1.0 / random.uniform(1e6, 1e8);
        }
    if (like.places) p.source = random.index(m), p.sink = random.index(m);
    return p;
}

}  // namespace

TEST_CASE("no gap is left on chains of up to 100 layers and 8 different devices") {
    random_source random(13);
    std::size_t solved = 0, infeasible = 0;
    for (int round = 0; round < 400; ++round) {
        const bool largest = round % 2 == 0;
        const chain_shape shape{.layers = largest ? 100 : 1 + random.index(100),
                                .devices = largest ? 8 : 1 + random.index(8),
                                .memory = random.chance(0.5),
                                .places = random.chance(0.5),
                                .load = random.chance(0.3) ? load_model::serial : load_model::overlapped};
        const auto problem = unequal_chain(random, shape);
        REQUIRE(validate(problem));
        for (const auto goal : {objective::latency, objective::throughput}) {
            const auto found = chain_orders_partitioner{}.solve(problem, goal);
            if (!found) ++infeasible;
            if (!found) continue;
            ++solved;
            CAPTURE(round);
            CHECK(found->exact);
            CHECK(found->chain.value <= found->bound * (1.0 + 1e-8));
            CHECK(found->chain.value ==
                  doctest::Approx(evaluate(problem, found->chain.division)->value(goal)).epsilon(1e-12));
        }
    }
    MESSAGE(solved << " solved, " << infeasible << " without a division");
    CHECK(solved > 700);
}
