#pragma once
/// \file
/// How much memory a device needs for the layers that it holds: peaks do not add up, so segments are asked as a whole.
///
/// Layers of a part run in ascending order. Resident are
/// - the weights of all its layers,
/// - the largest, over its layers, of the layer's scratch memory plus the tensors alive while it runs: one that the part
///   receives lives from the part's start to its last reader in the part; one that it makes lives from its producer to
///   its last reader in the part, or to the part's end where another part reads it or it is a model output,
/// - `queue_depth` copies of every tensor that it receives and of every tensor that it sends.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

namespace detail {

/// The maximum of a growing list under additions to a suffix; all operations amortised near O(1).
///
/// An item that is not above a later one never will be again, since whatever is added to it is added to the later one
/// too. The others form a descending chain, kept as gaps to their predecessors.
class suffix_maximum {
  public:
    void clear(std::size_t capacity) {
        next_.resize(capacity);
        previous_.resize(capacity);
        gap_.resize(capacity);
        size_ = 0;
        head_value_ = tail_value_ = 0.0;
    }

    /// Appends an item.
    void append(double value) {
        const std::size_t i = size_++;
        next_[i] = i;
        previous_[i] = i == 0 ? no_id : i - 1;
        if (i == 0) head_value_ = value;
        gap_[i] = i == 0 ? 0.0 : tail_value_ - value;
        tail_value_ = value;
        settle(i);
    }

    /// Adds to every item from `first` on. Precondition: first < size, value >= 0.
    void add(std::size_t first, double value) {
        const std::size_t i = alive(first);
        tail_value_ += value;
        if (previous_[i] == no_id) head_value_ += value;
        else gap_[i] -= value;
        settle(i);
    }

    [[nodiscard]] double maximum() const noexcept { return head_value_; }

  private:
    /// The first item of the chain that is not before i.
    std::size_t alive(std::size_t i) {
        while (next_[i] != i) i = next_[i] = next_[next_[i]];
        return i;
    }

    /// Drops the items before i that are not above it any more.
    void settle(std::size_t i) {
        while (previous_[i] != no_id && gap_[i] <= 0.0) {
            const std::size_t p = previous_[i];
            next_[p] = i;
            previous_[i] = previous_[p];
            if (previous_[p] == no_id) head_value_ -= gap_[i];
            else gap_[i] += gap_[p];
        }
    }

    std::vector<std::size_t> next_{};      ///< itself while in the chain, else some later item
    std::vector<std::size_t> previous_{};  ///< in the chain; no_id for its head
    std::vector<double> gap_{};            ///< predecessor's value minus its own, above 0
    std::size_t size_ = 0;
    double head_value_ = 0.0;
    double tail_value_ = 0.0;
};

/// Last layer that reads each tensor: `layer_count()` for a model output, and the producer where nobody reads it.
inline std::vector<layer_id> last_uses(const instance& problem) {
    std::vector<layer_id> last(problem.tensor_count());
    for (tensor_id t = 0; t < last.size(); ++t) {
        const auto readers = problem.consumers[t];
        last[t] = readers.empty() ? problem.producer[t] : readers.back();
    }
    for (const tensor_id t : problem.model_outputs) last[t] = problem.layer_count();
    return last;
}

}  // namespace detail

/// Memory of contiguous segments [first, end) of the topological order, one row (all ends of one first) at a time.
///
/// Weights plus peak grow with the segment; the queue copies need not (a tensor sent by [i, j) may stay inside
/// [i, j + 1)), so that the ends that fit are not always a prefix: look at the whole row.
class segment_memory {
  public:
    /// O(size of the instance), which must outlive this object. Precondition: `validate(problem)` holds.
    explicit segment_memory(const instance& problem)
        : problem_(problem)
        , last_use_(detail::last_uses(problem)) {}

    /// Calls `visit(end, bytes)` for end = first + 1, ..., layer_count() in order, until it returns false.
    /// O(degrees of the layers visited), amortised.
    template <class Visit>
    void for_each_end(layer_id first, device_id on, Visit visit) {
        DISPART_EXPECTS(first <= problem_.layer_count() && on < problem_.device_count());
        start(first);
        for (layer_id l = first; l < problem_.layer_count(); ++l)
            if (!visit(l + 1, extend(first, l, on))) return;
    }

    /// Bytes of the segments [first, first + 1), [first, first + 2), ..., [first, layer_count()).
    [[nodiscard]] std::vector<double> row(layer_id first, device_id on) {
        std::vector<double> all;
        for_each_end(first, on, [&](layer_id, double size) { return all.push_back(size), true; });
        return all;
    }

    /// Bytes of one segment; 0 where it is empty. O(degrees of its layers).
    [[nodiscard]] double bytes(layer_id first, layer_id end, device_id on) {
        DISPART_EXPECTS(first <= end && end <= problem_.layer_count());
        double found = 0.0;
        if (first < end)
            for_each_end(first, on, [&](layer_id e, double size) { return found = size, e < end; });
        return found;
    }

    /// The largest end for which [first, end) fits the capacity; `first` where not even one layer does.
    [[nodiscard]] layer_id reach(layer_id first, device_id on, double capacity) {
        layer_id best = first;
        for_each_end(first, on, [&](layer_id end, double size) {
            if (size <= capacity) best = end;
            return weights_ + peaks_.maximum() <= capacity;  // this part only grows
        });
        return best;
    }

  private:
    void start(layer_id first) {
        peaks_.clear(problem_.layer_count() - first);
        last_read_.resize(problem_.tensor_count(), no_id);
        for (const tensor_id t : touched_) last_read_[t] = no_id;
        touched_.clear();
        weights_ = held_ = received_ = 0.0;
    }

    /// Takes layer l into the segment [first, l).
    double extend(layer_id first, layer_id l, device_id on) {
        weights_ += problem_.weight_bytes[l];
        for (const tensor_id t : problem_.writes[l]) held_ += problem_.tensor_bytes[t];
        peaks_.append(problem_.queues.live * held_ + problem_.workspace(l, on));
        for (const tensor_id t : problem_.reads[l])
            if (problem_.producer[t] == no_id || problem_.producer[t] < first) keep_input(t, first, l);
        for (const tensor_id t : problem_.reads[l])
            if (problem_.producer[t] != no_id && problem_.producer[t] >= first) release(t, l);
        for (const tensor_id t : problem_.writes[l]) release(t, l);
        return weights_ + peaks_.maximum() + problem_.queues.inputs * received_ +
               problem_.queues.outputs * held_;
    }

    /// A received tensor now lives until layer l.
    void keep_input(tensor_id t, layer_id first, layer_id l) {
        const double size = problem_.tensor_bytes[t];
        if (last_read_[t] == no_id) {
            received_ += size;
            touched_.push_back(t);
            peaks_.add(0, problem_.queues.live * size);
        } else if (last_read_[t] < l) {
            peaks_.add(last_read_[t] + 1 - first, problem_.queues.live * size);
        }
        last_read_[t] = l;
    }

    /// A tensor made inside is free after its last use.
    void release(tensor_id t, layer_id l) {
        if (last_use_[t] == l) held_ -= problem_.tensor_bytes[t];
    }

    const instance& problem_;
    std::vector<layer_id> last_use_;
    detail::suffix_maximum peaks_{};     ///< per layer of the segment: live tensors and scratch
    std::vector<layer_id> last_read_{};  ///< [tensor] last reader in the segment of a received tensor
    std::vector<tensor_id> touched_{};   ///< received tensors
    double weights_ = 0.0;
    double held_ = 0.0;      ///< tensors made inside that a later layer reads or that are model outputs
    double received_ = 0.0;  ///< tensors received
};

}  // namespace dispart
