#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/simulate/fair_sharing.hpp"
#include "dispart/simulate/flow_network.hpp"

using namespace dispart;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// What the network is told, kept apart, to be given to the oracle.
struct live_flow {
    flow_id id;
    std::vector<std::size_t> path;
    double limit;
    double weight;
};

struct scenario {
    std::vector<double> capacity;
    std::vector<live_flow> flows;

    [[nodiscard]] std::vector<double> oracle() const {
        std::vector<flow_path> paths;
        for (const auto& f : flows) paths.push_back({f.path, f.limit, f.weight});
        return max_min_rates(paths, capacity);
    }
};

void check_rates(flow_network& network, const scenario& now) {
    const auto expected = now.oracle();
    for (std::size_t f = 0; f < now.flows.size(); ++f) {
        CAPTURE(f);
        CHECK(network.rate(now.flows[f].id) == doctest::Approx(expected[f]).epsilon(1e-8));
    }
}

std::vector<std::size_t> random_path(random_source& random, std::size_t links) {
    std::vector<std::size_t> all(links);
    for (std::size_t l = 0; l < links; ++l) all[l] = l;
    random.shuffle(all);
    all.resize(1 + random.index(std::min<std::size_t>(links, 5)));
    return all;
}

}  // namespace

TEST_CASE("flow_network: two flows share a link, then one has it alone") {
    const std::vector<double> capacity{10.0};
    const std::vector<std::size_t> path{0};
    flow_network network(capacity);
    const auto small = network.start(path, 10.0);
    const auto large = network.start(path, 30.0);
    CHECK(network.rate(small) == doctest::Approx(5.0));
    CHECK(network.next_end() == doctest::Approx(2.0));
    std::vector<flow_id> ended;
    network.advance(network.next_end(), ended);
    CHECK(ended == std::vector<flow_id>{small});
    CHECK(network.rate(large) == doctest::Approx(10.0));
    CHECK(network.left(large) == doctest::Approx(20.0));
    CHECK(network.next_end() == doctest::Approx(4.0));
}

TEST_CASE("flow_network: weights, limits, empty paths, cut links") {
    const std::vector<double> capacity{12.0, infinity};
    const std::vector<std::size_t> narrow{0};
    const std::vector<std::size_t> wide{1};
    flow_network network(capacity);
    const auto twice = network.start(narrow, 100.0, 2.0);
    const auto once = network.start(narrow, 100.0, 1.0);
    CHECK(network.rate(twice) == doctest::Approx(8.0));
    CHECK(network.rate(once) == doctest::Approx(4.0));
    const auto slow = network.start(narrow, 100.0, 1.0, 1.5);
    CHECK(network.rate(slow) == doctest::Approx(1.5));
    CHECK(network.rate(twice) == doctest::Approx(7.0));
    const auto free = network.start(wide, 1e9);
    CHECK(network.rate(free) == infinity);
    CHECK(network.next_end() == 0.0);
    std::vector<flow_id> ended;
    network.advance(0.0, ended);
    CHECK(ended == std::vector<flow_id>{free});
    network.set_capacity(0, 0.0);
    CHECK(network.rate(once) == 0.0);
    CHECK(network.next_end() == infinity);
    network.advance(7.0, ended);
    network.set_capacity(0, 3.0);
    CHECK(network.stop(slow) == doctest::Approx(100.0));
    CHECK(network.rate(once) == doctest::Approx(1.0));
    CHECK(network.next_end() == doctest::Approx(7.0 + 50.0));
}

TEST_CASE("flow_network: rates are max-min fair whatever comes and goes, against progressive filling") {
    random_source random(23);
    std::size_t most = 0;
    for (int round = 0; round < 300; ++round) {
        scenario now;
        const std::size_t links = 1 + random.index(12);
        const bool equal = random.chance(0.3);
        const bool weighted = random.chance(0.4);
        for (std::size_t l = 0; l < links; ++l)
            now.capacity.push_back(equal ? double(1 + random.index(3)) : random.uniform(0.5, 20.0));
        flow_network network(now.capacity);
        std::vector<flow_id> ended;
        for (int change = 0; change < 40; ++change) {
            const double what = random.uniform();
            if (what < 0.55 || now.flows.empty()) {
                const std::size_t together = random.chance(0.2) ? 8 : 1;
                for (std::size_t i = 0; i < together; ++i) {
                    live_flow f{0, random_path(random, links), infinity, 1.0};
                    if (random.chance(0.3)) f.limit = random.uniform(0.05, 5.0);
                    if (weighted) f.weight = random.uniform(0.2, 5.0);
                    f.id = network.start(f.path, random.uniform(1.0, 100.0), f.weight, f.limit);
                    now.flows.push_back(f);
                }
            } else if (what < 0.7) {
                const std::size_t f = random.index(now.flows.size());
                network.stop(now.flows[f].id);
                now.flows.erase(now.flows.begin() + static_cast<std::ptrdiff_t>(f));
            } else if (what < 0.8) {
                const std::size_t l = random.index(links);
                now.capacity[l] = random.chance(0.1) ? 0.0 : random.uniform(0.5, 20.0);
                network.set_capacity(l, now.capacity[l]);
            } else if (const double end = network.next_end(); end < infinity) {
                ended.clear();
                network.advance(end, ended);
                std::erase_if(now.flows, [&](const live_flow& f) {
                    return std::find(ended.begin(), ended.end(), f.id) != ended.end();
                });
            }
            check_rates(network, now);
            most = std::max(most, now.flows.size());
        }
    }
    CHECK(most > 30);
}

TEST_CASE("flow_network: every flow sends what it had to, and ends when its rates say so") {
    random_source random(5);
    for (int round = 0; round < 60; ++round) {
        scenario now;
        const std::size_t links = 1 + random.index(8);
        for (std::size_t l = 0; l < links; ++l) now.capacity.push_back(random.uniform(0.5, 20.0));
        flow_network network(now.capacity);
        std::vector<double> left;
        for (int i = 0; i < 20; ++i) {
            live_flow f{0, random_path(random, links), infinity, 1.0};
            left.push_back(random.uniform(0.0, 50.0));
            f.id = network.start(f.path, left.back());
            now.flows.push_back(f);
        }
        double at = 0.0;
        while (!now.flows.empty()) {  // the oracle plays along, step by step
            const auto rates = now.oracle();
            double step = infinity;
            for (std::size_t f = 0; f < left.size(); ++f) step = std::min(step, left[f] / rates[f]);
            REQUIRE(network.next_end() == doctest::Approx(at + step).epsilon(1e-8));
            at += step;
            std::vector<flow_id> ended;
            network.advance(network.next_end(), ended);
            for (std::size_t f = left.size(); f-- > 0;) {
                left[f] -= step * rates[f];
                const bool over = std::find(ended.begin(), ended.end(), now.flows[f].id) != ended.end();
                if (over) CHECK(left[f] == doctest::Approx(0.0).epsilon(1e-6));
                if (!over) continue;
                now.flows.erase(now.flows.begin() + static_cast<std::ptrdiff_t>(f));
                left.erase(left.begin() + static_cast<std::ptrdiff_t>(f));
            }
        }
    }
}
