#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <vector>

#include "dispart/run/throttled_backend.hpp"

using namespace dispart;

namespace {

/// Computes for 10 ms, and 40 ms longer for each run before, and says that its one layer took 10 ms.
struct slow_executable {
    int runs = 0;
    result<std::vector<tensor>> run(std::span<const tensor> inputs) { return run(inputs, {}); }
    result<std::vector<tensor>> run(std::span<const tensor> inputs, const layer_observer& observer) {
        if (inputs.empty()) return fail(errc::shape_mismatch, "slow", "no input");
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(10 + 40 * runs++);
        while (std::chrono::steady_clock::now() < until) continue;
        if (observer) observer(0, seconds(0.01));
        return std::vector<tensor>(inputs.begin(), inputs.end());
    }
};
static_assert(executable<slow_executable>);

struct slow_backend {
    static constexpr std::string_view name() { return "slow"; }
    static result<slow_executable> load(const model& m) {
        if (num_vertices(m) > 0) return fail(errc::unsupported, "layer", "no layers please");
        return slow_executable{};
    }
};
static_assert(backend<slow_backend>);
static_assert(backend<throttled_backend<slow_backend>>);

}  // namespace

TEST_CASE("throttled_backend: work takes the factor as long, and says so") {
    const auto throttled = throttled_backend<slow_backend>::make({}, 3.0);
    REQUIRE(throttled);
    auto loaded = throttled->load(model{});
    REQUIRE(loaded);
    const std::vector<tensor> inputs{tensor(dtype::f32, {2})};
    double reported = 0.0;
    const auto begin = std::chrono::steady_clock::now();
    const auto outputs = loaded->run(inputs, [&](layer_id, seconds took) { reported += took.value; });
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    REQUIRE(outputs);
    CHECK(outputs->size() == 1);
    CHECK(took >= 0.0299);
    CHECK(reported == doctest::Approx(0.03));
}

TEST_CASE("throttled_backend: a run that takes longer than another did is not stretched further") {
    auto loaded = throttled_backend<slow_backend>::make({}, 6.0)->load(model{});
    REQUIRE(loaded);
    const std::vector<tensor> inputs{tensor(dtype::f32, {2})};
    REQUIRE(loaded->run(inputs));
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(loaded->run(inputs));  // 50 ms of computing, where 10 ms were enough before
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    CHECK(took >= 0.0599);
    CHECK(took < 0.2999);
}

TEST_CASE("throttled_backend: errors pass through, and a factor below 1 is none") {
    for (const double bad :
         {0.5, 0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
        CHECK(throttled_backend<slow_backend>::make({}, bad).error().code == errc::invalid_argument);
    const auto throttled = *throttled_backend<slow_backend>::make({}, 2.0);
    CHECK(throttled.load(model{})->run({}).error().code == errc::shape_mismatch);
    model one;
    add_vertex(layer{.name = "l", .op = "Relu"}, one);
    CHECK(throttled.load(one).error().code == errc::unsupported);
}
