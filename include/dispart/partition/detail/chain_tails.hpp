#pragma once
/// \file
/// How soon a model output can follow once a tensor is somewhere: what the latency search prunes with.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/partition/detail/chain_tables.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

/// Least seconds to a model output, as if every layer could run on its own best device. Minus infinity: leads to none.
class chain_tails {
  public:
    /// O(reads * devices^2 + live tensors * devices); beyond `most_steps` transfers count as free.
    explicit chain_tails(const chain_tables& tables, double most_steps = 5e8)
        : tables_(tables)
        , problem_(tables.problem())
        , m_(problem_.device_count()) {
        free_ = static_cast<double>(problem_.reads.item_count()) * static_cast<double>(m_ * m_) > most_steps;
        for (std::size_t i = 0, number = 0; i <= tables.layers(); ++i) {
            base_.push_back(number);
            number += tables.cut(i, false).tensors.size() + 1;
        }
        find_rests();
        find_tails();
        find_outlooks();
    }

    /// From having a cut's tensor (by its index) on a device.
    [[nodiscard]] double tail(std::size_t cut, std::size_t tensor, device_id on) const {
        return tails_[(base_[cut] + tensor) * m_ + on];
    }
    /// The largest of tensors `first`, `first` + 1, ... of the cut, all on one device.
    [[nodiscard]] double largest(std::size_t cut, std::size_t first, device_id on) const {
        return largest_[(base_[cut] + first) * m_ + on];
    }
    /// For a segment that begins before a cut, behind which lies all that its inputs lead to, were it to begin at 0 with
    /// layer 0: no result is earlier than this minus `compute(on)[first]`, wherever from `cut` on it ends.
    [[nodiscard]] double outlook(std::size_t cut, device_id on) const { return outlook_[cut * m_ + on]; }
    /// A bound of the latency.
    [[nodiscard]] double from_start() const noexcept { return from_start_; }

  private:
    static constexpr double never = -std::numeric_limits<double>::infinity();

    /// hops_[reader of a tensor][device]: from having the tensor there, by way of that reader.
    void find_rests() {
        first_hop_.assign(problem_.tensor_count() + 1, 0);
        for (tensor_id t = 0; t < problem_.tensor_count(); ++t)
            first_hop_[t + 1] = first_hop_[t] + problem_.consumers[t].size() * m_;
        hops_.assign(first_hop_.back(), never);
        std::vector<double> rest(m_);
        for (layer_id l = tables_.layers(); l-- > 0;) {
            if (!tables_.is_useful(l, l + 1)) continue;
            for (device_id d = 0; d < m_; ++d) {
                rest[d] = std::numeric_limits<double>::infinity();
                if (problem_.is_allowed(l, d)) rest[d] = problem_.compute(l, d) + after(l, d);
            }
            from_start_ = std::max(from_start_, *std::min_element(rest.begin(), rest.end()));
            for (const tensor_id t : problem_.reads[l]) hop(t, l, rest);
        }
    }

    /// From the end of a layer on a device.
    [[nodiscard]] double after(layer_id l, device_id d) const {
        double longest = never;
        for (const tensor_id t : problem_.writes[l]) {
            if (tables_.is_output(t))
                longest =
                    std::max(longest, problem_.sink == no_id
                                          ? 0.0
                                          : problem_.transfer(d, problem_.sink, problem_.tensor_bytes[t]));
            for (std::size_t h = first_hop_[t] + d; h < first_hop_[t + 1]; h += m_)
                longest = std::max(longest, hops_[h]);
        }
        return longest;
    }

    /// Writes the hops of one reader, whose time to an output is `rest`.
    void hop(tensor_id t, layer_id reader, const std::vector<double>& rest) {
        const auto readers = problem_.consumers[t];
        const auto index = std::lower_bound(readers.begin(), readers.end(), reader) - readers.begin();
        double* to = hops_.data() + first_hop_[t] + static_cast<std::size_t>(index) * m_;
        const double least = *std::min_element(rest.begin(), rest.end());
        for (device_id from = 0; from < m_; ++from) {
            to[from] = free_ ? least : std::numeric_limits<double>::infinity();
            for (device_id d = 0; d < m_ && !free_; ++d)
                to[from] = std::min(to[from], problem_.transfer(from, d, problem_.tensor_bytes[t]) + rest[d]);
        }
    }

    void find_tails() {
        tails_.assign((base_.back() + tables_.cut(tables_.layers(), false).tensors.size() + 1) * m_, never);
        for (std::size_t i = 0; i <= tables_.layers(); ++i) {
            const auto& tensors = tables_.cut(i, false).tensors;
            for (std::size_t k = 0; k < tensors.size(); ++k) {
                const auto readers = problem_.consumers[tensors[k].tensor];
                for (std::size_t r = 0; r < readers.size(); ++r)
                    for (device_id d = 0; d < m_ && readers[r] >= i; ++d) {
                        double& tail = tails_[(base_[i] + k) * m_ + d];
                        tail = std::max(tail, hops_[first_hop_[tensors[k].tensor] + r * m_ + d]);
                    }
            }
        }
        largest_ = tails_;
        for (std::size_t i = 0; i <= tables_.layers(); ++i)
            for (std::size_t k = tables_.cut(i, false).tensors.size(); k-- > 0;)
                for (device_id d = 0; d < m_; ++d) {
                    double& here = largest_[(base_[i] + k) * m_ + d];
                    here = std::max(here, largest_[(base_[i] + k + 1) * m_ + d]);
                }
    }

    void find_outlooks() {
        const std::size_t n = tables_.layers();
        outlook_.resize((n + 1) * m_);
        for (device_id d = 0; d < m_; ++d) {
            const auto sums = tables_.compute(d);
            outlook_[n * m_ + d] = sums[n];
            for (std::size_t i = n; i-- > 0;)
                outlook_[i * m_ + d] = std::min(outlook_[(i + 1) * m_ + d], sums[i] + largest(i, 0, d));
        }
    }

    const chain_tables& tables_;
    const instance& problem_;
    std::size_t m_;
    bool free_ = false;
    std::vector<std::size_t> base_{};       // [cut]
    std::vector<std::size_t> first_hop_{};  // [tensor]
    std::vector<double> hops_{};            // [reader of a tensor, device]
    std::vector<double> tails_{};           // [tensor of a cut, device]
    std::vector<double> largest_{};         // [tensor of a cut, device]
    std::vector<double> outlook_{};         // [cut, device]
    double from_start_ = 0.0;
};

}  // namespace dispart::detail
