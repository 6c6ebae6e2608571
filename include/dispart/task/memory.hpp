#pragma once
/// \file
/// How much memory a part needs where it runs.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

/// What a part's memory consists of, in bytes.
struct memory_need {
    double weights = 0.0;  ///< constants of all its layers
    double peak = 0.0;     ///< largest sum of live activations and workspace while one of its layers runs
    double queues = 0.0;   ///< copies of what it receives and sends, held by the pipeline

    [[nodiscard]] double total() const noexcept { return weights + peak + queues; }
};

namespace detail {

/// When a tensor is in a part's memory: from before step `first` to after step `last` (positions in the part).
struct live_span {
    std::size_t first = 0;
    std::size_t last = 0;
};

/// Adds `size` to the steps of a span; `deltas` holds differences between neighbouring steps.
inline void add_span(std::vector<double>& deltas, live_span span, double size) {
    deltas[span.first] += size;
    deltas[span.last + 1] -= size;
}

[[nodiscard]] inline bool is_model_output(const instance& problem, tensor_id t) {
    return std::find(problem.model_outputs.begin(), problem.model_outputs.end(), t) !=
           problem.model_outputs.end();
}

/// "12.5 MiB", for messages.
[[nodiscard]] inline std::string memory_text(double size) {
    if (!std::isfinite(size)) return "unlimited";
    constexpr std::array<const char*, 4> units{"B", "KiB", "MiB", "GiB"};
    std::size_t unit = 0;
    for (; size >= 1024.0 && unit + 1 < units.size(); ++unit) size /= 1024.0;
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%.4g %s", size, units[unit]);
    return text.data();
}

}  // namespace detail

/// Memory of a part on its device, in bytes.
///
/// A tensor that the part receives is live from the part's start to its last reader in the part. One that it makes is
/// live from its producer to its last reader, or to the part's end where another part or the sink wants it. Weights are
/// resident; `instance::queues` says how many copies of received and sent tensors wait besides.
/// Needs layers in ascending order and a device. Exact for execution in that order. O(r log r) for r tensors read.
[[nodiscard]] inline memory_need part_memory(const instance& problem, const part& p) {
    DISPART_EXPECTS(!p.layers.empty() && p.device < problem.device_count());
    const std::size_t steps = p.layers.size();
    const layer_id front = p.layers.front();
    const bool is_run = p.layers.back() - front + 1 == steps;
    const auto step_of = [&](layer_id l) {
        if (is_run) return l >= front && l - front < steps ? static_cast<std::size_t>(l - front) : no_id;
        const auto at = std::lower_bound(p.layers.begin(), p.layers.end(), l);
        return at != p.layers.end() && *at == l ? static_cast<std::size_t>(at - p.layers.begin()) : no_id;
    };
    memory_need need;
    std::vector<double> deltas(steps + 1, 0.0);
    std::vector<tensor_id> received;
    for (std::size_t step = 0; step < steps; ++step) {
        const layer_id l = p.layers[step];
        need.weights += problem.weight_bytes[l];
        for (const tensor_id t : problem.reads[l])
            if (problem.producer[t] == no_id || step_of(problem.producer[t]) == no_id) received.push_back(t);
        for (const tensor_id t : problem.writes[l]) {
            std::size_t last = step;
            bool sent = detail::is_model_output(problem, t);
            for (const layer_id reader : problem.consumers[t]) {
                const std::size_t at = step_of(reader);
                sent = sent || at == no_id;
                if (at != no_id) last = std::max(last, at);
            }
            detail::add_span(deltas, {step, sent ? steps - 1 : last},
                             problem.queues.live * problem.tensor_bytes[t]);
            if (sent) need.queues += problem.queues.outputs * problem.tensor_bytes[t];
        }
    }
    std::sort(received.begin(), received.end());
    received.erase(std::unique(received.begin(), received.end()), received.end());
    for (const tensor_id t : received) {
        std::size_t last = 0;
        for (const layer_id reader : problem.consumers[t])
            if (const std::size_t at = step_of(reader); at != no_id) last = std::max(last, at);
        detail::add_span(deltas, {0, last}, problem.queues.live * problem.tensor_bytes[t]);
        need.queues += problem.queues.inputs * problem.tensor_bytes[t];
    }
    double live = 0.0;
    for (std::size_t step = 0; step < steps; ++step) {
        live += deltas[step];
        need.peak = std::max(need.peak, live + problem.workspace(p.layers[step], p.device));
    }
    return need;
}

}  // namespace dispart
