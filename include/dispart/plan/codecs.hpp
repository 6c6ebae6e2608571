#pragma once
/// \file
/// A codec for each edge of a plan: fast on its route, under the user's bound on the error, and no lossier than it pays.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/cost/codec.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"
#include "dispart/task/task_graph.hpp"

namespace dispart {

/// Codecs that edges may use, and how much they may change a tensor.
struct codec_options {
    std::vector<codec_cost> costs{};   ///< measured by `measure_codecs`, or stated; none: every edge is raw
    double max_relative_error = 1e-2;  ///< of each edge, of the largest magnitude in each tensor
    double slack = 0.01;  ///< of the objective, which codecs of less error than the fastest may cost
};

/// Errors: invalid_argument where no codec keeps the bound, or a cost is negative or not finite.
[[nodiscard]] inline result<void> validate(const codec_options& options) {
    for (const codec_cost& each : options.costs)
        for (const double x : {each.encode_seconds_per_byte, each.decode_seconds_per_byte, each.ratio,
                               each.max_relative_error})
            if (!(x >= 0.0) || !(x < 1e300))
                return fail(errc::invalid_argument, "codec " + each.name, "a cost is negative or not finite");
    if (!options.costs.empty() && best_codec(options.costs, 0.0, options.max_relative_error) == nullptr)
        return fail(errc::invalid_argument, "max_relative_error", "no codec's error is within it",
                    options.costs.front().name + " has " +
                        std::to_string(options.costs.front().max_relative_error));
    return {};
}

/// The instance as a search sees it with the best codec on each link and each pair's route: seconds per byte before encoding.
/// Links that several routes share count with the codec that is best for the link itself. O(devices^2 * codecs).
[[nodiscard]] inline instance with_codecs(instance problem, const codec_options& options) {
    if (options.costs.empty()) return problem;
    const auto best = [&](double spb) { return best_codec(options.costs, spb, options.max_relative_error); };
    for (double& spb : problem.link_seconds_per_byte) spb *= best(spb)->ratio;
    for (device_id a = 0; a < problem.device_count(); ++a)
        for (device_id b = 0; b < problem.device_count(); ++b)
            if (double& spb = problem.seconds_per_byte(a, b); a != b) spb = best(spb)->seconds_per_byte(spb);
    return problem;
}

/// What one message may use.
struct message_codecs {
    double coded = 0.0;  ///< bytes that codecs change; the rest (integers, booleans) travels as it is
    std::vector<codec_cost> costs{};  ///< none: the message stays raw
};

/// Gives a message a codec: its bytes become those on the wire.
inline void apply_codec(message& m, const codec_cost& codec, double coded) {
    const double size = m.codec.empty() ? m.bytes : m.raw_bytes;
    m.codec = codec.name;
    m.raw_bytes = size;
    m.bytes = size - coded + coded * codec.ratio;
    m.encode_s = coded * codec.encode_seconds_per_byte;
    m.decode_s = coded * codec.decode_seconds_per_byte;
    m.max_relative_error = codec.max_relative_error;
}

namespace detail {

[[nodiscard]] inline double value_of(const instance& network, const task_graph& tasks, objective goal) {
    evaluation figures;
    predict_period(network, tasks, figures);
    predict_latency(network, tasks, figures);
    return figures.value(goal);
}

/// Gives a message the codec of the least error with which the objective stays within `most`.
inline void relax(const instance& network, objective goal, double most, const message_codecs& may, message& m,
                  const task_graph& tasks) {
    std::vector<codec_cost> gentle = may.costs;
    const double spb = network.seconds_per_byte(m.from_device, m.to_device);
    std::stable_sort(gentle.begin(), gentle.end(), [&](const codec_cost& a, const codec_cost& b) {
        return std::pair(a.max_relative_error, a.seconds_per_byte(spb)) <
               std::pair(b.max_relative_error, b.seconds_per_byte(spb));
    });
    const message fastest = m;
    for (const codec_cost& each : gentle) {
        if (each.max_relative_error >= fastest.max_relative_error) break;
        apply_codec(m, each, may.coded);
        if (value_of(network, tasks, goal) <= most) return;
    }
    m = fastest;
}

}  // namespace detail

/// Chooses the codec of every message between devices: first the fastest on its route within the bound on the error, then, edge
/// by edge, the one of the least error with which the objective stays within `options.slack` of what the fastest achieve.
/// \param network devices and links; an instance, or `network_instance` of a plan \param may [message]
/// Precondition: `validate` accepts the options with each message's costs. Heuristic (edges are relaxed in order).
/// O(messages * codecs * evaluation).
inline void choose_codecs(const instance& network, objective goal, const codec_options& options,
                          const std::vector<message_codecs>& may, task_graph& tasks) {
    const auto chooses = [&](std::size_t i) {
        return detail::is_remote(tasks.messages[i]) && !may[i].costs.empty() && may[i].coded > 0.0;
    };
    for (std::size_t i = 0; i < tasks.messages.size(); ++i) {
        message& m = tasks.messages[i];
        if (!chooses(i)) continue;
        const double spb = network.seconds_per_byte(m.from_device, m.to_device);
        apply_codec(m, *best_codec(may[i].costs, spb, options.max_relative_error), may[i].coded);
    }
    const double most = detail::value_of(network, tasks, goal) * (1.0 + options.slack);
    for (std::size_t i = 0; i < tasks.messages.size(); ++i)
        if (chooses(i)) detail::relax(network, goal, most, may[i], tasks.messages[i], tasks);
}

/// The same with one list of costs for all messages. \param is_f32 [tensor] others travel as they are
inline void choose_codecs(const instance& problem, objective goal, const codec_options& options,
                          const std::vector<bool>& is_f32, task_graph& tasks) {
    std::vector<message_codecs> may;
    for (const message& m : tasks.messages) {
        may.push_back({0.0, options.costs});
        for (const tensor_id t : m.tensors) may.back().coded += is_f32[t] ? problem.tensor_bytes[t] : 0.0;
    }
    choose_codecs(problem, goal, options, may, tasks);
}

}  // namespace dispart
