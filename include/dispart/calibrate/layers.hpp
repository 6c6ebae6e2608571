#pragma once
/// \file
/// Measures how long a backend takes for each layer of a model.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "dispart/calibrate/profile.hpp"
#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"
#include "dispart/cost/fusion.hpp"
#include "dispart/cost/sample.hpp"
#include "dispart/run/concepts.hpp"

namespace dispart {

/// How layers are measured.
struct layer_probe_options {
    std::size_t warm_up = 2;  ///< runs before the first that counts
    std::size_t least = 5;    ///< runs that count, at least
    std::size_t most = 50;    ///< and at most
    seconds budget{2.0};      ///< after which no further run is begun
    std::size_t parallel =
        1;  ///< copies of the model that run at once, each on a thread of its own: what layers cost
            ///< when as many workers of one machine share its memory
    double quantile = 0.5;   ///< of a layer's times: the median; lower where other processes disturb
    std::uint64_t seed = 1;  ///< of the inputs
};

/// One model's layers, measured.
struct layer_measurements {
    std::vector<seconds> layers{};  ///< [vertex] 0 where the layer was fused into another one or costs nothing
    seconds total{};                ///< of a whole run, without observing layers
    std::size_t runs = 0;           ///< that counted
};

namespace detail {

/// The value below which that share of the values lies; the lower neighbour. Precondition: not empty.
inline double quantile_of(std::vector<double> values, double share) {
    const auto last = static_cast<double>(values.size() - 1);
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::clamp(share, 0.0, 1.0) * last);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

/// Uniform numbers in [0, 1) for every f32 input, zeros for inputs of other types (indices, masks).
inline result<std::vector<tensor>> probe_inputs(const model& net, std::uint64_t seed) {
    random_source random(seed);
    std::vector<tensor> inputs;
    for (const tensor_id t : info(net).inputs) {
        const tensor_info& about = info(net).tensors[t];
        if (!about.dims)
            return fail(errc::invalid_model, about.name, "the input's shape is unknown", "infer shapes first");
        DISPART_TRY(tensor made, tensor::make(about.type, *about.dims));
        std::fill(made.bytes().begin(), made.bytes().end(), std::byte{0});
        if (about.type == dtype::f32)
            for (float& v : made.data<float>()) v = static_cast<float>(random.uniform());
        inputs.push_back(std::move(made));
    }
    return inputs;
}

/// What one thread measured: seconds of each run.
struct run_times {
    std::vector<std::vector<double>> layers{};  ///< [vertex][run]
    std::vector<double> totals{};
    std::optional<error> failed{};
};

/// Runs a loaded model until enough was measured and everybody else has enough too, so that all share the machine all
/// the time. Observed and plain runs take turns.
template <executable Executable>
void measure_runs(Executable& loaded, std::span<const tensor> inputs, std::size_t layer_count,
                  const layer_probe_options& options, std::atomic<std::size_t>& unfinished, run_times& into) {
    using clock = std::chrono::steady_clock;
    into.layers.resize(layer_count);
    std::size_t run = 0;
    const auto counts = [&] { return run >= options.warm_up && into.totals.size() < options.most; };
    const auto begin = clock::now();
    const auto enough = [&] {
        const double spent = std::chrono::duration<double>(clock::now() - begin).count();
        return into.totals.size() >= options.most ||
               (into.totals.size() >= options.least && spent > options.budget.value);
    };
    bool finished = false;
    for (; !finished || unfinished > 0; ++run) {
        const auto before = clock::now();
        const auto plain = loaded.run(inputs);
        const double total = std::chrono::duration<double>(clock::now() - before).count();
        const auto observed = loaded.run(inputs, [&](layer_id l, seconds spent) {
            if (counts() && l < layer_count) into.layers[l].push_back(spent.value);
        });
        if (!plain || !observed) {
            into.failed = plain ? observed.error() : plain.error();
            if (!finished) --unfinished;
            return;
        }
        if (counts()) into.totals.push_back(total);
        if (!finished && enough()) finished = true, --unfinished;
    }
}

}  // namespace detail

/// Runs a model on a backend with random inputs and returns the time of each layer and of the whole.
///
/// Errors: those of `load` and `run`; invalid_argument where an option is 0 or not a number. The time is about
/// `parallel` loads plus the larger of the budget and (warm_up + least) runs twice over.
template <backend Backend>
[[nodiscard]] result<layer_measurements> measure_layers(const Backend& on, const model& net,
                                                        const layer_probe_options& options = {}) {
    if (options.least == 0 || options.most < options.least || options.parallel == 0 ||
        !(options.budget.value >= 0.0))
        return fail(errc::invalid_argument, "layer_probe_options",
                    "least, most and parallel must be positive");
    using loaded_model = std::decay_t<decltype(*on.load(net))>;
    std::vector<loaded_model> loaded;
    for (std::size_t k = 0; k < options.parallel; ++k) {
        DISPART_TRY(auto one, on.load(net));
        loaded.push_back(std::move(one));
    }
    DISPART_TRY(const auto inputs, detail::probe_inputs(net, options.seed));
    std::vector<detail::run_times> times(options.parallel);
    std::atomic<std::size_t> unfinished{options.parallel};
    {
        std::vector<std::jthread> others;
        const auto work = [&](std::size_t k) {
            detail::measure_runs(loaded[k], inputs, num_vertices(net), options, unfinished, times[k]);
        };
        for (std::size_t k = 1; k < options.parallel; ++k) others.emplace_back(work, k);
        work(0);
    }
    layer_measurements measured;
    std::vector<double> totals;
    std::vector<std::vector<double>> layers(num_vertices(net));
    for (const auto& one : times) {
        if (one.failed) return tl::unexpected<error>(*one.failed);
        totals.insert(totals.end(), one.totals.begin(), one.totals.end());
        for (layer_id v = 0; v < layers.size(); ++v)
            layers[v].insert(layers[v].end(), one.layers[v].begin(), one.layers[v].end());
    }
    measured.runs = totals.size();
    measured.total = seconds(detail::quantile_of(std::move(totals), options.quantile));
    for (auto& each : layers)
        measured.layers.push_back(
            seconds(each.empty() ? 0.0 : detail::quantile_of(std::move(each), options.quantile)));
    return measured;
}

/// Joins two measurements of one model, made at different times, into the shorter times of both: what else runs on a
/// machine only ever makes a layer slower. O(layers).
inline void keep_shorter(layer_measurements& into, const layer_measurements& other) {
    for (layer_id v = 0; v < into.layers.size(); ++v)
        into.layers[v] = std::min(into.layers[v], other.layers[v]);
    into.total = std::min(into.total, other.total);
    into.runs += other.runs;
}

/// Adds a model's measured layers to a profile: samples of those that took time, and what was fused.
inline void add_measurements(profile& into, const model& net, const layer_measurements& measured) {
    std::vector<bool> took_time(num_vertices(net), false);
    for (layer_id v = 0; v < took_time.size(); ++v) took_time[v] = measured.layers[v].value > 0.0;
    into.fusion.learn(net, took_time);
    const auto candidates = fusion_candidates(net);
    const auto of_host = tails(net, took_time);
    for (layer_id v = 0; v < took_time.size(); ++v) {
        if (!took_time[v] && !candidates[v].empty()) continue;
        into.samples.push_back(sample_of(viewed_layer<>(net, v).view(), measured.layers[v]));
        into.samples.back().tail = of_host[v];
    }
}

}  // namespace dispart
