#pragma once
/// \file
/// A plan in words and tables, for people.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "dispart/plan/plan.hpp"
#include "dispart/plan/reasons.hpp"
#include "dispart/task/memory.hpp"

namespace dispart {

namespace detail {

/// `filled` of ten cells.
inline std::string bar(double share) {
    const auto cells = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * 10.0));
    std::string text;
    for (int i = 0; i < 10; ++i) text += i < cells ? "#" : ".";
    return text;
}

inline std::string percent(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.0f %%", share * 100.0);
    return text;
}

/// Rows of cells, each column as wide as its widest cell, two spaces between.
inline std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> width;
    for (const auto& row : rows)
        for (std::size_t c = 0; c < row.size(); ++c) {
            width.resize(std::max(width.size(), row.size()), 0);
            width[c] = std::max(width[c], row[c].size());
        }
    std::string text;
    for (const auto& row : rows) {
        std::string line = " ";
        for (std::size_t c = 0; c < row.size(); ++c)
            line += " " + row[c] + (c + 1 < row.size() ? std::string(width[c] - row[c].size() + 1, ' ') : "");
        text += line + "\n";
    }
    return text;
}

inline std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

inline std::string stage_table(const plan& p) {
    double flops = 0.0;
    const double period = p.prediction.period_s * static_cast<double>(p.division.turns);  // of a stage
    for (const auto& s : p.stages) flops += s.flops;
    std::vector<std::vector<std::string>> rows{
        {"stage", "device", "layers", "work", "busy", "of period", "memory", "of capacity"}};
    for (std::size_t i = 0; i < p.stages.size(); ++i) {
        const auto& s = p.stages[i];
        const auto& d = p.devices[s.device];
        const std::string range =
            s.layers.size() == 1 ? s.layers.front() : s.layers.front() + " .. " + s.layers.back();
        const bool limited = std::isfinite(d.capacity_bytes);
        rows.push_back(
            {std::to_string(i), d.name, std::to_string(s.layers.size()) + ": " + range,
             percent(flops > 0.0 ? s.flops / flops : 0.0), time_text(s.compute_s),
             bar(s.compute_s / period) + " " + percent(s.compute_s / period), memory_text(s.memory_bytes),
             limited ? bar(d.memory_bytes / d.capacity_bytes) + " " + percent(d.memory_bytes / d.capacity_bytes)
                     : "unlimited"});
    }
    return table(rows);
}

inline std::string message_table(const plan& p) {
    const bool coded = std::any_of(p.tasks.messages.begin(), p.tasks.messages.end(),
                                   [](const message& m) { return !m.codec.empty(); });
    std::vector<std::vector<std::string>> rows{{"from", "to", "tensors", "size", "takes"}};
    if (coded) rows.front().insert(rows.front().end(), {"codec", "ratio", "error"});
    for (const auto& m : p.tasks.messages) {
        if (m.from_device == no_id || m.to_device == no_id || m.from_device == m.to_device) continue;
        const double takes = m.encode_s + p.network.latency_s[m.from_device][m.to_device] +
                             m.bytes * p.network.seconds_per_byte[m.from_device][m.to_device] + m.decode_s;
        rows.push_back({p.devices[m.from_device].name, p.devices[m.to_device].name,
                        std::to_string(m.tensors.size()), memory_text(m.bytes), time_text(takes)});
        if (!coded) continue;
        char ratio[32];
        char error[32];
        std::snprintf(ratio, sizeof ratio, "%.2f", m.bytes > 0.0 ? m.raw_bytes / m.bytes : 1.0);
        std::snprintf(error, sizeof error, "%.2g", m.max_relative_error);
        rows.back().insert(rows.back().end(), {m.codec, ratio, m.max_relative_error > 0.0 ? error : "none"});
    }
    const std::string each =
        p.division.turns == 1 ? "each request" : std::to_string(p.division.turns) + " requests";
    return rows.size() == 1 ? "" : "\nMessages for " + each + ":\n" + table(rows);
}

inline std::string comparison_table(const plan& p) {
    std::vector<std::vector<std::string>> rows{{"", "latency", "period", "devices"}};
    std::vector<std::string> used;
    for (const auto& s : p.stages)
        if (std::find(used.begin(), used.end(), p.devices[s.device].name) == used.end())
            used.push_back(p.devices[s.device].name);
    rows.push_back(
        {"this plan", time_text(p.prediction.latency_s), time_text(p.prediction.period_s), joined(used)});
    for (const auto& b : p.baselines) {
        if (b.feasible)
            rows.push_back({b.name, time_text(b.prediction.latency_s), time_text(b.prediction.period_s),
                            joined(b.devices)});
        else rows.push_back({b.name, "-", "-", b.problem});
    }
    return table(rows);
}

}  // namespace detail

/// What the plan does, what limits it, what it is compared with, who was left out and why. Plain text, for a terminal.
/// O(size of the plan).
[[nodiscard]] inline std::string explain(const plan& p) {
    const bool latency = p.goal == objective::latency;
    std::string text =
        p.model + " on " + p.cluster + ", for " + (latency ? "latency" : "throughput") + ": " +
        std::to_string(p.stages.size()) + (p.stages.size() == 1 ? " stage" : " stages") +
        (p.division.turns > 1 ? " that take requests in " + std::to_string(p.division.turns) + " turns" : "") +
        ", latency " + time_text(p.prediction.latency_s) + ", a result every " +
        time_text(p.prediction.period_s) + ".\n\n";
    text += detail::stage_table(p) + detail::message_table(p);
    text += "\nThe period is set by " + p.binding + ".\n";
    text += "Found by " + p.algorithm + (p.exact ? ", exact for its order of devices" : "") +
            ". No plan can have a " + (latency ? "latency" : "period") + " below " + time_text(p.bound_s) +
            " (" + p.bound_name + "): at most " + detail::percent(p.gap) + " could be gained.\n";
    text += "\nCompared with:\n" + detail::comparison_table(p);
    std::string idle;
    for (const auto& d : p.devices)
        if (!d.left_out.empty()) idle += "  " + d.name + ": " + d.left_out + "\n";
    if (!idle.empty()) text += "\nLeft out:\n" + idle;
    return text;
}

}  // namespace dispart
