#pragma once
/// \file
/// An instance as a line: segments of the layer order over which no tensor skips. A partition into such segments is
/// priced by its neighbours alone.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/memory.hpp"

namespace dispart::detail {

/// The blocks between neighbouring cuts; cut 0 is before the first layer, the last one behind the last layer.
struct line {
    std::vector<layer_id> cuts{};          ///< [cut] layers before it
    std::vector<double> bytes{};           ///< [cut] what crosses: model inputs, live tensors, model outputs
    std::vector<std::size_t> least_end{};  ///< [cut] where a segment from there may end at the earliest
    bool is_whole = false;                 ///< segments may be as they like: then the line is the instance

    [[nodiscard]] std::size_t blocks() const noexcept { return cuts.size() - 1; }
    /// Segments that it can have at most.
    [[nodiscard]] std::size_t most_segments() const {
        std::size_t count = 0;
        for (std::size_t cut = 0; cut < blocks(); cut = least_end[cut]) ++count;
        return count;
    }
};

/// The last layer that reads any tensor made before a layer, for each: model inputs count as made before all.
inline std::vector<layer_id> furthest_uses(const instance& problem) {
    std::vector<layer_id> furthest(problem.layer_count() + 1, 0);
    for (tensor_id t = 0; t < problem.tensor_count(); ++t) {
        if (problem.consumers[t].empty()) continue;
        layer_id& at = furthest[problem.producer[t] == no_id ? 0 : problem.producer[t] + 1];
        at = std::max(at, problem.consumers[t].back());
    }
    for (layer_id l = 1; l < furthest.size(); ++l) furthest[l] = std::max(furthest[l], furthest[l - 1]);
    return furthest;
}

/// Bytes of the tensors that are wanted behind every cut of the layer order; negative where there is none.
inline std::vector<double> live_bytes(const instance& problem) {
    const std::size_t n = problem.layer_count();
    std::vector<double> change(n + 2, 0.0), live(n + 1, 0.0);
    std::vector<long> count(n + 2, 0);
    for (tensor_id t = 0; t < problem.tensor_count(); ++t) {
        if (problem.consumers[t].empty() || problem.producer[t] == no_id) continue;
        const std::size_t from = problem.producer[t] + 1, to = problem.consumers[t].back() + 1;
        change[from] += problem.tensor_bytes[t], change[to] -= problem.tensor_bytes[t];
        ++count[from], --count[to];
    }
    double sum = 0.0;
    long alive = 0;
    for (std::size_t cut = 0; cut <= n; ++cut) {
        sum += change[cut], alive += count[cut];
        if (alive == 0) sum = 0.0;
        live[cut] = alive == 0 ? -1.0 : sum;
    }
    return live;
}

/// Cuts of the layer order that would part layers which must share a device. O(layers).
inline std::vector<bool> parting_cuts(const instance& problem) {
    std::map<std::size_t, std::pair<layer_id, layer_id>> span;
    for (layer_id l = 0; l < problem.together.size(); ++l)
        if (problem.together[l] != no_id)
            span.try_emplace(problem.together[l], l, l).first->second.second = l;
    std::vector<int> change(problem.layer_count() + 2, 0);
    for (const auto& [group, ends] : span) ++change[ends.first + 1], --change[ends.second + 1];
    std::vector<bool> parting(problem.layer_count() + 1, false);
    int open = 0;
    for (layer_id cut = 0; cut < parting.size(); ++cut) parting[cut] = (open += change[cut]) > 0;
    return parting;
}

/// Which cuts a line has.
enum class line_cuts {
    all,     ///< every one that may be; some segments between two of them are too short
    blocks,  ///< as many as there can be so that every segment between two of them may be
};

/// Nothing where the instance has no layers or is no line at all: a model input that is an output too, or blocks that
/// nothing connects. O(layers + tensors).
inline std::optional<line> make_line(const instance& problem, line_cuts which = line_cuts::all) {
    const std::size_t n = problem.layer_count();
    layer_id first_output = n;
    for (const tensor_id t : problem.model_outputs) {
        if (problem.producer[t] == no_id) return std::nullopt;
        first_output = std::min(first_output, problem.producer[t]);
    }
    if (n == 0 || first_output == n) return std::nullopt;
    const auto furthest = furthest_uses(problem);
    const auto live = live_bytes(problem);
    const auto parting = parting_cuts(problem);
    line made{.cuts = {0}, .bytes = {0.0}, .is_whole = true};
    for (const tensor_id t : problem.model_inputs)
        if (!problem.consumers[t].empty()) made.bytes[0] += problem.tensor_bytes[t];
    for (layer_id cut = 1; cut < n; ++cut) {
        if (parting[cut]) continue;
        if (cut > first_output) made.is_whole = false;
        if (cut > first_output || (which == line_cuts::blocks && cut <= furthest[made.cuts.back()])) continue;
        if (live[cut] < 0.0) return std::nullopt;
        made.cuts.push_back(cut);
        made.bytes.push_back(live[cut]);
    }
    made.cuts.push_back(n);
    made.bytes.push_back(0.0);
    for (const tensor_id t : problem.model_outputs) made.bytes.back() += problem.tensor_bytes[t];
    for (std::size_t cut = 0, end = 1; cut < made.blocks(); ++cut) {
        while (end <= cut || made.cuts[end] <= furthest[made.cuts[cut]]) ++end;
        made.least_end.push_back(end);
        made.is_whole = made.is_whole && end == cut + 1;
    }
    return made;
}

/// Range maximum in constant time. O(n log n) to make.
class range_maximum {
  public:
    explicit range_maximum(std::vector<double> values) : levels_{std::move(values)} {
        for (std::size_t width = 1; 2 * width <= levels_[0].size(); width *= 2) {
            const auto& below = levels_.back();
            std::vector<double> level(below.size() - width);
            for (std::size_t i = 0; i < level.size(); ++i) level[i] = std::max(below[i], below[i + width]);
            levels_.push_back(std::move(level));
        }
    }
    /// Of values [first, end). Precondition: first < end.
    [[nodiscard]] double operator()(std::size_t first, std::size_t end) const {
        std::size_t level = 0;
        while (std::size_t{2} << level <= end - first) ++level;
        return std::max(levels_[level][first], levels_[level][end - (std::size_t{1} << level)]);
    }

  private:
    std::vector<std::vector<double>> levels_;
};

/// What the line costs on every device: time, memory, transfers. O(layers * device classes + devices^2).
class line_tables {
  public:
    line_tables(const instance& problem, line cuts) : problem_(problem), line_(std::move(cuts)) {
        sum_up_work();
        sum_up_memory();
        price_pairs();
    }

    [[nodiscard]] const instance& problem() const noexcept { return problem_; }
    [[nodiscard]] const line& cuts() const noexcept { return line_; }
    [[nodiscard]] std::size_t blocks() const noexcept { return line_.blocks(); }
    [[nodiscard]] double bytes(std::size_t cut) const { return line_.bytes[cut]; }
    [[nodiscard]] std::size_t least_end(std::size_t cut) const { return line_.least_end[cut]; }

    /// Seconds of the blocks before each cut on a device.
    [[nodiscard]] const std::vector<double>& work(device_id d) const {
        return work_[problem_.device_class[d]];
    }
    /// The first block that a segment may begin with which ends at each cut, by where the device may run what.
    [[nodiscard]] const std::vector<std::size_t>& allowed_from(device_id d) const {
        return allowed_from_[problem_.device_class[d]];
    }
    [[nodiscard]] bool is_limited(device_id d) const { return group_[d] != no_id; }
    /// Bytes that grow with the segment: weights, and what is live while a layer runs.
    [[nodiscard]] double held(device_id d, std::size_t first, std::size_t end) const {
        return weights_[end] - weights_[first] + peaks_[group_[d]](first, end);
    }
    /// Bytes of what the queues in front of and behind a segment hold.
    [[nodiscard]] double queued(std::size_t first, std::size_t end) const {
        return problem_.queues.inputs * line_.bytes[first] + problem_.queues.outputs * line_.bytes[end];
    }
    [[nodiscard]] bool fits(device_id d, std::size_t first, std::size_t end) const {
        return !is_limited(d) || held(d, first, end) + queued(first, end) <= problem_.memory_capacity[d];
    }

    /// Seconds per byte that a message from one device to another occupies the slowest link on its way; infinite
    /// without a route. A source or sink without a place costs nothing.
    [[nodiscard]] double rate(device_id from, device_id to) const {
        if (from == no_id || to == no_id || from == to) return 0.0;
        return rate_[from * problem_.device_count() + to];
    }
    /// Seconds until a message of that size is there.
    [[nodiscard]] double delay(device_id from, device_id to, double size) const {
        if (from == no_id || to == no_id || from == to) return 0.0;
        if (!std::isfinite(rate(from, to))) return infinity;
        return problem_.transfer(from, to, size);
    }

    static constexpr double infinity = std::numeric_limits<double>::infinity();

  private:
    void sum_up_work() {
        const std::size_t classes = problem_.fixed_seconds.shape(1), m = blocks();
        work_.assign(classes, std::vector<double>(m + 1, 0.0));
        allowed_from_.assign(classes, std::vector<std::size_t>(m + 1, 0));
        for (std::size_t c = 0; c < classes; ++c)
            for (std::size_t b = 0; b < m; ++b) {
                double sum = work_[c][b];
                bool may = true;
                for (layer_id l = line_.cuts[b]; l < line_.cuts[b + 1]; ++l) {
                    const std::size_t row = problem_.layer_class[l];
                    sum += problem_.fixed_seconds(row, c) + problem_.marginal_seconds(row, c);
                    may = may && problem_.allowed(row, c) != 0;
                }
                work_[c][b + 1] = sum;
                allowed_from_[c][b + 1] = may ? allowed_from_[c][b] : b + 1;
            }
    }

    /// Most bytes that are live at once while a block runs, by where scratch memory is the same.
    void sum_up_memory() {
        const std::size_t m = blocks(), classes = problem_.fixed_seconds.shape(1);
        find_live();
        weights_.assign(m + 1, 0.0);
        for (std::size_t b = 0; b < m; ++b) {
            weights_[b + 1] = weights_[b];
            for (layer_id l = line_.cuts[b]; l < line_.cuts[b + 1]; ++l)
                weights_[b + 1] += problem_.weight_bytes[l];
        }
        double most = weights_[m];
        for (const double size : problem_.tensor_bytes)
            most += size * (problem_.queues.live + problem_.queues.inputs + problem_.queues.outputs);
        std::vector<std::size_t> group_of_class(classes, no_id);
        std::map<std::vector<double>, std::size_t> groups;
        group_.assign(problem_.device_count(), no_id);
        for (device_id d = 0; d < problem_.device_count(); ++d) {
            const std::size_t c = problem_.device_class[d];
            double scratch = 0.0;
            for (std::size_t row = 0; row < problem_.workspace_bytes.shape(0); ++row)
                scratch = std::max(scratch, problem_.workspace_bytes(row, c));
            if (most + scratch <= problem_.memory_capacity[d]) continue;
            if (group_of_class[c] == no_id) {
                std::vector<double> column;
                for (layer_id l = 0; l < problem_.layer_count(); ++l)
                    column.push_back(problem_.workspace(l, d));
                const auto [at, is_new] = groups.emplace(std::move(column), groups.size());
                group_of_class[c] = at->second;
                if (is_new) peaks_.emplace_back(block_peaks(d));
            }
            group_[d] = group_of_class[c];
        }
    }

    [[nodiscard]] std::vector<double> block_peaks(device_id d) const {
        std::vector<double> peaks(blocks(), 0.0);
        for (std::size_t b = 0; b < blocks(); ++b)
            for (layer_id l = line_.cuts[b]; l < line_.cuts[b + 1]; ++l)
                peaks[b] = std::max(peaks[b], live_[l] + problem_.workspace(l, d));
        return peaks;
    }

    /// Bytes that are live while each layer runs, in whichever segment that no tensor skips.
    void find_live() {
        const std::size_t n = problem_.layer_count();
        std::vector<double> change(n + 1, 0.0);
        for (tensor_id t = 0; t < problem_.tensor_count(); ++t) {
            const auto readers = problem_.consumers[t];
            const bool is_read = !readers.empty(), is_made = problem_.producer[t] != no_id;
            if (!is_made && !is_read) continue;
            const bool is_output = is_made && is_model_output(problem_, t);
            const layer_id last = is_output ? n - 1 : is_read ? readers.back() : problem_.producer[t];
            change[is_made ? problem_.producer[t] : 0] += problem_.queues.live * problem_.tensor_bytes[t];
            change[last + 1] -= problem_.queues.live * problem_.tensor_bytes[t];
        }
        live_.resize(n);
        std::partial_sum(change.begin(), change.end() - 1, live_.begin());
    }

    void price_pairs() {
        const std::size_t n = problem_.device_count();
        rate_.assign(n * n, 0.0);
        for (device_id from = 0; from < n; ++from)
            for (device_id to = 0; to < n; ++to) {
                double& rate = rate_[from * n + to];
                rate = problem_.seconds_per_byte(from, to);
                if (!std::isfinite(problem_.latency(from, to))) rate = infinity;
                if (from * n + to < problem_.routes.size() && problem_.load == load_model::overlapped)
                    for (const link_id l : problem_.routes[from * n + to])
                        rate = std::max(rate, problem_.link_seconds_per_byte[l]);
            }
    }

    const instance& problem_;
    line line_;
    std::vector<std::vector<double>> work_{};               // [device class][cut]
    std::vector<std::vector<std::size_t>> allowed_from_{};  // [device class][cut]
    std::vector<double> weights_{};                         // [cut]
    std::vector<double> live_{};                            // [layer]
    std::vector<range_maximum> peaks_{};                    // [group] of blocks
    std::vector<std::size_t> group_{};                      // [device] no_id: everything fits
    std::vector<double> rate_{};                            // [from, to]
};

}  // namespace dispart::detail
