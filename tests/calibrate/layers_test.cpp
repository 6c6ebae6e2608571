#include "dispart/calibrate/layers.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "dispart/calibrate/accuracy.hpp"
#include "dispart/model/builder.hpp"

using namespace dispart;

namespace {

/// Claims that layer v takes (v + 1) ms, except the fused one; counts how many run at once.
struct scripted_executable {
    std::size_t layers = 0;
    layer_id fused = no_id;
    std::size_t fail_at = no_id;
    std::shared_ptr<std::atomic<int>> at_once{};
    std::shared_ptr<std::atomic<int>> most{};
    std::size_t runs = 0;

    result<std::vector<tensor>> run(std::span<const tensor> inputs) { return run(inputs, {}); }
    result<std::vector<tensor>> run(std::span<const tensor>, const layer_observer& observer) {
        if (runs++ == fail_at) return fail(errc::unsupported, "layer", "scripted");
        const int now = ++*at_once;
        if (now > *most) *most = now;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        for (layer_id l = 0; observer && l < layers; ++l)
            if (l != fused) observer(l, seconds(1e-3 * static_cast<double>(l + 1)));
        --*at_once;
        return std::vector<tensor>{};
    }
};

struct scripted_backend {
    layer_id fused = no_id;
    std::size_t fail_at = no_id;
    std::shared_ptr<std::atomic<int>> at_once = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<std::atomic<int>> most = std::make_shared<std::atomic<int>>(0);

    std::string_view name() const { return "scripted"; }
    result<scripted_executable> load(const dispart::model& m) const {
        return scripted_executable{num_vertices(m), fused, fail_at, at_once, most};
    }
};
static_assert(backend<scripted_backend>);

dispart::model three_layers() {
    model_builder b("m");
    const auto c = b.add("Conv", {b.input("x", {1, 8, 4, 4}), b.weight("w", {8, 8, 1, 1})}, {.name = "conv"});
    b.output(b.add("Softmax", {b.add("Relu", {c}, {.name = "relu"})}, {.name = "softmax"}));
    auto net = std::move(b).build();
    REQUIRE(net);
    return *net;
}

}  // namespace

TEST_CASE("what the observer says is what is measured") {
    const auto measured = measure_layers(scripted_backend{.fused = 1}, three_layers(),
                                         {.least = 3, .most = 4, .budget = seconds(0.0)});
    REQUIRE(measured);
    CHECK(measured->layers == std::vector<seconds>{1_ms, seconds(0.0), 3_ms});
    CHECK(measured->runs == 3);
    CHECK(measured->total.value >= 200e-6);
}

TEST_CASE("parallel copies run at the same time") {
    scripted_backend on;
    const auto measured = measure_layers(on, three_layers(), {.least = 20, .most = 20, .parallel = 2});
    REQUIRE(measured);
    CHECK(measured->runs == 40);
    CHECK(*on.most == 2);
}

TEST_CASE("errors of a run come back, from any thread, and nobody waits for ever") {
    for (const std::size_t parallel : {1, 3}) {
        const auto measured = measure_layers(scripted_backend{.fail_at = 5}, three_layers(),
                                             {.least = 10, .parallel = parallel});
        REQUIRE_FALSE(measured);
        CHECK(measured.error().code == errc::unsupported);
    }
    CHECK(measure_layers(scripted_backend{}, three_layers(), {.least = 0}).error().code ==
          errc::invalid_argument);
    CHECK(measure_layers(scripted_backend{}, three_layers(), {.parallel = 0}).error().code ==
          errc::invalid_argument);
}

TEST_CASE("samples are the layers with a time of their own; the fused pair is learned") {
    const auto net = three_layers();
    const auto measured =
        measure_layers(scripted_backend{.fused = 1}, net, {.least = 1, .budget = seconds(0.0)});
    REQUIRE(measured);
    profile into;
    add_measurements(into, net, *measured);
    REQUIRE(into.samples.size() == 2);
    CHECK(into.samples[0].family == op_family::conv_1x1);
    CHECK(into.samples[1].family == op_family::softmax);
    CHECK(into.fusion.fused_layers(net) == std::set<std::string>{"relu"});
    const auto fitted = fit(into).for_model(net);
    const device d{.name = "d", .speed = 1_GFLOPS};
    CHECK(fitted.compute(viewed_layer(net, 0).view(), d).value == doctest::Approx(1e-3));
    CHECK(fitted.compute(viewed_layer(net, 1).view(), d).value == 0.0);
}

TEST_CASE("quantiles") {
    CHECK(detail::quantile_of({3, 1, 2}, 0.5) == 2);
    CHECK(detail::quantile_of({3, 1, 2}, 0.0) == 1);
    CHECK(detail::quantile_of({3, 1, 2}, 1.0) == 3);
    CHECK(detail::quantile_of({7}, 0.3) == 7);
}

TEST_CASE("a cost model held against what was measured") {
    const auto net = three_layers();
    layer_measurements measured{.layers = {1_ms, 0_s, 4_ms}, .total = 6_ms};
    struct two_milliseconds {
        seconds compute(const layer_view<>& view, const device&) const {
            return view.layer.name == "relu" ? seconds(0.0) : seconds(2e-3);
        }
    };
    const auto found = accuracy_of(two_milliseconds{}, net, measured, {.name = "d"});
    CHECK(found.layers == 2);
    CHECK(found.median_layer_error == doctest::Approx(0.5));  // the lower of 50 % and 100 %
    CHECK(found.whole_error() == doctest::Approx(4.0 / 6.0 - 1.0));
}
