// PipeDream's dynamic program (Narayanan et al., SOSP 2019) on equal workers without replication is the chain algorithm
// where all devices are of one kind and all links alike.
#include <doctest/doctest.h>

#include "dispart/partition/chain_orders.hpp"
#include "support/random_instance.hpp"

using namespace dispart;

namespace {

/// A(j, m) = min over i of max(A(i, m - 1), transfer of layer i's output, work of layers i .. j).
double pipedream(const instance& p, std::size_t workers, double seconds_per_byte) {
    const std::size_t n = p.layer_count();
    std::vector<std::vector<double>> best(workers + 1, std::vector<double>(n + 1, 1e300));
    best[0][0] = 0.0;
    double least = 1e300;
    for (std::size_t m = 1; m <= workers; ++m) {
        for (std::size_t j = 1; j <= n; ++j) {
            double work = 0.0;
            for (std::size_t i = j; i-- > 0;) {
                work += p.compute(i, 0);
                const double sending =
                    i == 0 ? 0.0 : p.tensor_bytes[p.writes[i].front() - 1] * seconds_per_byte;
                best[m][j] = std::min(best[m][j], std::max({best[m - 1][i], sending, work}));
            }
        }
        least = std::min(least, best[m][n]);
    }
    return least;
}

}  // namespace

TEST_CASE("PipeDream on equal workers is a special case") {
    random_source random(19);
    for (int round = 0; round < 100; ++round) {
        auto problem = test::as_chain(test::random_instance(
            random, {.layers = 12, .devices = 4, .forbidden = 0, .unlimited_memory = 1}));
        problem.device_class.assign(4, 0);
        for (device_id a = 0; a < 4; ++a)
            for (device_id b = 0; b < 4; ++b)
                if (a != b) {
                    problem.latency(a, b) = 1.0;
                    problem.seconds_per_byte(a, b) = 2.0;
                    problem.link_seconds_per_byte[problem.routes[a * 4 + b][0]] = 2.0;
                }
        const auto found = chain_orders_partitioner{}.solve(problem, objective::throughput);
        REQUIRE(found);
        CHECK(found->exact);
        CHECK(found->chain.value == doctest::Approx(pipedream(problem, 4, 2.0)).epsilon(1e-9));
    }
}
