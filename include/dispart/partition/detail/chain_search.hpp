#pragma once
/// \file
/// One search over contiguous partitions on an ordered list of devices: is there one within a limit, and which?
///
/// A state is a prefix of the layers, the device of its last segment, and the holders of those tensors that a later
/// layer reads and an earlier segment made (the last segment holds the others). Everything that placing the next
/// segment costs depends on the state alone, so states are expanded device by device and dominated ones dropped.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/partition/detail/chain_order.hpp"
#include "dispart/partition/detail/chain_states.hpp"
#include "dispart/partition/detail/chain_tables.hpp"
#include "dispart/partition/detail/chain_tails.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

/// Layers cuts[k] .. cuts[k + 1] on devices[k].
struct chain_cuts {
    std::vector<std::size_t> cuts{};
    std::vector<device_id> devices{};
};

template <chain_goal Goal>
class chain_search {
  public:
    /// `tails` are needed for latency only.
    chain_search(chain_tables& tables, const chain_tails* tails, std::vector<device_id> order,
                 std::size_t max_states, std::size_t max_steps)
        : tables_(tables)
        , tails_(tails)
        , order_(tables, std::move(order), Goal)
        , max_states_(max_states)
        , max_steps_(max_steps)
        , n_(tables.layers()) {
        DISPART_EXPECTS(order_.size() < chain_state::anybody && (!is_latency || tails_ != nullptr));
        for (const bool owed : {false, true})
            for (std::size_t i = 0; i <= n_ && (!owed || order_.owed_until() > 0); ++i) {
                class_base_[owed].push_back(classes_);
                classes_ += tables_.cut(i, owed).tensors.size() + 1;
            }
    }

    /// Throughput: a partition none of whose loads exceeds the limit. Latency: the fastest one below the limit.
    /// `relaxed`: a tensor that skips a segment travels for free from there on, which bounds the true answer.
    [[nodiscard]] std::optional<chain_cuts> run(double limit, bool relaxed) {
        limit_ = std::min(limit, std::numeric_limits<double>::max());
        relaxed_ = relaxed;
        best_ = none;
        furthest_ = 0;
        hashed_.clear();
        states_.clear(classes_ * order_.size(), max_states_, max_steps_);
        states_.add({});
        find_needs();
        for (std::size_t q = 0; q < order_.size(); ++q) {
            expand_onto(q);
            if ((!is_latency && best_ != none) || states_.looks_left() == 0) break;
            drop_dominated(q);
        }
        steps_ += max_steps_ - states_.looks_left();
        if (best_ == none) return std::nullopt;
        return trace_back();
    }

    /// Whether the last run looked at every state; where not, a negative answer means nothing.
    [[nodiscard]] bool complete() const noexcept { return states_.complete(); }
    /// Segments priced and states compared in all runs so far.
    [[nodiscard]] std::size_t steps() const noexcept { return steps_; }

  private:
    static constexpr std::uint32_t none = chain_state::none;
    static constexpr bool is_latency = Goal == chain_goal::latency;
    static constexpr bool is_serial = Goal == chain_goal::serial;
    static constexpr bool is_overlapped = Goal == chain_goal::overlapped;

    /// What the devices that were read from send to the next segment: bytes, or seconds in the serial model.
    struct sender {
        std::size_t node;
        double amount;
    };

    /// need_[q]: no prefix shorter than this leaves work that devices q, q + 1, ... can do within the limit.
    void find_needs() {
        need_.assign(order_.size() + 1, is_latency ? 0 : n_);
        for (std::size_t q = order_.size(); q-- > 0 && !is_latency;) {
            const auto sums = tables_.compute(order_[q]);
            std::size_t i = need_[q + 1];
            while (i > 0 && sums[need_[q + 1]] - sums[i - 1] <= limit_ &&
                   tables_.first_forbidden(order_[q], i - 1) >= i)
                --i;
            need_[q] = i;
        }
    }

    [[nodiscard]] const live_cut& cut_of(const chain_state& s) const {
        return tables_.cut(s.cut, s.position != chain_state::nobody && order_.owes(s.position));
    }
    [[nodiscard]] std::size_t class_number(std::size_t position, std::size_t cut, std::size_t old_count) const {
        return (class_base_[order_.owes(position)][cut] + old_count) * order_.size() + position;
    }
    /// Whether a device can send that many bytes, and whatever else it may have to, to every device behind q.
    [[nodiscard]] bool is_harmless(std::size_t holder, std::size_t q, double size) const {
        if (relaxed_) return true;
        if (holder == order_.input_node()) size += tables_.all_input_bytes();
        return order_.rate_behind(holder, q) * size <= limit_;
    }

    // --- which states to expand

    void expand_onto(std::size_t q) {
        const std::size_t known = hashed_.size();
        if (need_[q] == 0 && !order_.has_twin_before(q)) extend(0, q, n_);
        for (std::size_t i = std::max<std::size_t>(1, need_[q]); i <= furthest_; ++i)
            for (const bool owed : {false, true}) {
                if (owed && order_.owed_until() == 0) continue;
                if constexpr (is_overlapped) expand_classes(i, owed, q);
                else expand_best(i, q);
            }
        for (std::size_t h = 0; h < known; ++h) {
            const chain_state& s = states_[hashed_[h]];
            if (s.cut >= need_[q] && !order_.has_twin_between(s.position, q)) extend(hashed_[h], q, n_);
        }
    }

    /// Drops states that end on q where another one has as much done, as well, on a device before it.
    void drop_dominated(std::size_t q) {
        const auto& base = class_base_[order_.owes(q)];
        for (std::size_t p = 0; p < q; ++p) {
            if (!order_.sends_as_well(p, q) || order_.owes(p) != order_.owes(q)) continue;
            for (std::size_t c = base.front(); c < base.back(); ++c)
                for (std::uint32_t id = states_.bucket(c * order_.size() + q); id != none;
                     id = states_[id].next)
                    drop_if_worse(states_[id], states_.bucket(c * order_.size() + p));
        }
    }
    void drop_if_worse(chain_state& s, std::uint32_t than) {
        for (; than != none && !s.dead; than = states_[than].next) {
            if (!states_.look()) return;
            const chain_state& other = states_[than];
            s.dead = !other.dead && other.head <= s.head && other.last <= s.last;
        }
    }

    /// Overlapped: states at a cut whose old tensors anybody may hold differ in the last device only, and the one with
    /// the fastest way to q reaches all that the others reach, if nothing else tells them apart.
    void expand_classes(std::size_t i, bool owed, std::size_t q) {
        const live_cut& cut = tables_.cut(i, owed);
        const bool heads_differ =
            order_.carries_inputs() && q > order_.owed_until() && q <= order_.input_node();
        const bool alike = !heads_differ && !(owed && cut.owes && q >= order_.owed_until()) &&
                           (!order_.has_source() || tables_.inputs(i).empty() || order_.input_node() >= q);
        for (std::size_t k = 0; k <= cut.tensors.size(); ++k)
            for (const std::size_t p : order_.by_rate(q)) {
                if (order_.owes(p) != owed || order_.has_twin_between(p, q)) continue;
                bool any = false;
                for (std::uint32_t id = states_.bucket(class_number(p, i, k)); id != none;
                     id = states_[id].next) {
                    any = any || !states_[id].dead;
                    extend(id, q, n_);
                }
                if (any && alike && is_harmless(p, q, cut.bytes)) break;
            }
    }

    /// Latency, serial: behind the last reader of the cut's tensors only the best way to have them all on q counts.
    void expand_best(std::size_t i, std::size_t q) {
        const live_cut& cut = tables_.cut(i, false);
        std::uint32_t best = none;
        std::pair<double, double> best_entry;
        candidates_.clear();
        for (std::size_t p = 0; p < q; ++p)
            for (std::uint32_t id = states_.bucket(class_number(p, i, 0)); id != none; id = states_[id].next) {
                if (!states_.look()) return;
                if (states_[id].dead || order_.has_twin_between(p, q)) continue;
                candidates_.push_back(id);
                const auto entry = entry_of(states_[id], cut, q);
                if (best != none && entry >= best_entry) continue;
                best = id;
                best_entry = entry;
            }
        for (const std::uint32_t id : candidates_) {
            const auto entry = entry_of(states_[id], cut, q);
            const bool worse =
                id != best && entry.first >= best_entry.first && entry.second >= best_entry.second;
            extend(id, q, worse ? std::min(cut.span, n_) : n_);
        }
    }

    /// When all of the cut's tensors are on q, and the head. Serial: whether they can be (0 or infinite).
    [[nodiscard]] std::pair<double, double> entry_of(const chain_state& s, const live_cut& cut,
                                                     std::size_t q) const {
        const double sending = cut.tensors.empty() ? 0.0 : order_.cost(s.position, q, cut.bytes);
        if (is_latency) return {cut.tensors.empty() ? 0.0 : s.last + sending, s.head};
        const bool is_source = s.position == order_.input_node();
        const double load = (is_source ? s.head : s.last) + sending;
        return {load <= limit_ ? 0.0 : std::numeric_limits<double>::infinity(), is_source ? load : s.head};
    }

    // --- expansion of one state

    /// Places a next segment of every possible length on device q, up to a last layer.
    void extend(std::uint32_t id, std::size_t q, std::size_t until) {
        const chain_state s = states_[id];
        if (s.dead || (!is_latency && best_ != none)) return;
        const device_id d = order_[q];
        const double capacity = tables_.problem().memory_capacity[d];
        const live_cut& cut = cut_of(s);
        const auto sums = tables_.compute(d);
        const auto memory = tables_.memory(d, s.cut);
        const auto inputs = order_.has_source() ? tables_.inputs(s.cut) : std::span<const pending_input>{};
        const std::size_t end = std::min(tables_.first_forbidden(d, s.cut), until);
        senders_.clear();
        arrival_ = 0.0;
        const bool useful = tables_.is_useful(s.cut, n_);
        std::size_t read = 0, fed = 0;
        if (!settle_owed(s, cut, q)) return;
        for (std::size_t j = std::max<std::size_t>(s.cut + 1, need_[q + 1]); j <= end; ++j) {
            if (!states_.look()) return;
            const double busy = sums[j] - sums[s.cut];
            if (!is_latency && busy > limit_) return;
            for (; read < cut.by_reader.size() && cut.tensors[cut.by_reader[read]].next_reader < j; ++read)
                if (!receive(s, q, cut, cut.by_reader[read])) return;
            for (; fed < inputs.size() && inputs[fed].next_reader < j; ++fed)
                if (!add_message(order_.input_node(), q, inputs[fed].bytes, is_serial ? s.head : 0.0)) return;
            if (is_latency && j > cut.span && useful &&
                arrival_ - sums[s.cut] + tails_->outlook(j, d) >= limit_)
                return;
            if (is_latency && is_hopeless(s.cut, j, d, arrival_ + busy)) continue;
            chain_state next = s;
            if (!finish_segment(next, q, j, busy)) return;
            if (tables_.parts(j)) continue;
            if (!memory.empty() && (j - s.cut > memory.size() || memory[j - s.cut - 1] > capacity)) continue;
            next.cut = static_cast<std::uint32_t>(j);
            next.parent = id;
            next.position = static_cast<std::uint16_t>(q);
            arrive(s, next, cut);
        }
    }

    /// Latency: no use in having [i, j) done so late.
    [[nodiscard]] bool is_hopeless(std::size_t i, std::size_t j, device_id on, double done) const {
        return done + tails_->largest(j, tables_.cut(j, false).older_than(i), on) >= limit_;
    }

    /// Latency: when the holder was done. Serial: its load so far.
    [[nodiscard]] double value_of(const chain_state& s, std::size_t tensor) const {
        return is_serial && states_.holder(s, tensor) == order_.input_node() ? s.head
                                                                             : states_.value(s, tensor);
    }

    /// Takes a tensor of the cut to a position. False: over the limit.
    [[nodiscard]] bool receive(const chain_state& s, std::size_t to, const live_cut& cut, std::size_t tensor) {
        const auto holder = states_.holder(s, tensor);
        return holder == chain_state::anybody ||
               add_message(holder, to, cut.tensors[tensor].bytes, value_of(s, tensor));
    }

    /// One more tensor for the segment that is being placed. `value`: see value_of. False: over the limit.
    [[nodiscard]] bool add_message(std::size_t from, std::size_t to, double size, double value) {
        double& amount = amount_of(from);
        if constexpr (is_serial) {
            amount += order_.cost(from, to, size);
            return value + amount <= limit_;
        }
        amount += size;
        const double seconds = order_.cost(from, to, amount);
        if constexpr (is_overlapped) return seconds <= limit_;
        arrival_ = std::max(arrival_, value + seconds);
        return arrival_ <= std::numeric_limits<double>::max();
    }

    [[nodiscard]] double& amount_of(std::size_t node) {
        for (sender& s : senders_)
            if (s.node == node) return s.amount;
        return senders_.emplace_back(sender{node, 0.0}).amount;
    }
    [[nodiscard]] double amount_sent(std::size_t node) const {
        for (const sender& s : senders_)
            if (s.node == node) return s.amount;
        return 0.0;
    }

    /// Overlapped: when the sink's device is reached or passed, what earlier segments owe it is charged.
    [[nodiscard]] bool settle_owed(const chain_state& s, const live_cut& cut, std::size_t q) {
        const std::size_t sink = order_.owed_until();
        if (!is_overlapped || q < sink || s.position == chain_state::nobody || !order_.owes(s.position))
            return true;
        for (std::size_t t = 0; t < cut.tensors.size(); ++t)
            if (cut.tensors[t].output && !receive(s, sink, cut, t)) return false;
        if (q > sink) senders_.clear();
        return true;
    }

    /// Computes the segment [next.cut, j) and hands over its outputs. False: over the limit, as is any longer one.
    [[nodiscard]] bool finish_segment(chain_state& next, std::size_t q, std::size_t j, double busy) {
        const std::size_t i = next.cut;
        double outputs = order_.owes(q) ? -1.0 : tables_.output_bytes(i, j);
        if (order_.carries_inputs()) {
            if (q == order_.owed_until()) next.head = amount_sent(order_.input_node());
            if (q == order_.input_node() && outputs >= 0.0) outputs += next.head;
            if (q >= order_.input_node()) next.head = 0.0;
        }
        const double delivery =
            outputs < 0.0 || !order_.has_sink() ? 0.0 : order_.cost(q, order_.sink_node(), outputs);
        if constexpr (is_overlapped) return delivery <= limit_;
        if constexpr (is_serial) {
            const bool is_source = q == order_.input_node();
            next.last = is_source ? 0.0 : busy + delivery;
            next.head += amount_sent(order_.input_node()) + (is_source ? busy + delivery : 0.0);
            return next.last <= limit_ && next.head <= limit_;
        }
        next.last = arrival_ + busy;
        if (outputs >= 0.0) next.head = std::max(next.head, next.last + delivery);
        return next.head < limit_ && (next.last < limit_ || !tables_.is_useful(i, j));
    }

    /// Keeps the new state unless it is worse than a known one; `s` is the state before.
    void arrive(const chain_state& s, chain_state& next, const live_cut& before) {
        const live_cut& after = cut_of(next);
        next.old_count = static_cast<std::uint16_t>(after.older_than(s.cut));
        next.next = none;
        inherit(s, next, before, after);
        bool is_hashed = false;
        if (next.cut == n_) {
            finish(next, after);
        } else if (!is_latency || bound(next, after) < limit_) {
            is_hashed = !next.generic;
            auto& bucket = is_hashed ? states_.bucket_of(next)
                                     : states_.bucket(class_number(next.position, next.cut, next.old_count));
            const bool kept = states_.keep(next, bucket);
            if (kept) furthest_ = std::max<std::size_t>(furthest_, next.cut);
            is_hashed = is_hashed && kept;
        }
        if (is_hashed) hashed_.push_back(static_cast<std::uint32_t>(states_.size() - 1));
        else states_.drop_old(next);
    }

    /// Writes down who holds the tensors that the new segment did not make.
    void inherit(const chain_state& s, chain_state& next, const live_cut& before, const live_cut& after) {
        states_.begin_old(next);
        double size = 0.0;
        for (std::size_t t = 0; t < next.old_count; ++t)
            size += after.tensors[t].bytes * (after.tensors[t].output ? 2.0 : 1.0);
        bool generic = is_overlapped || next.old_count == 0;
        std::size_t from = 0;
        for (std::size_t t = 0; t < next.old_count; ++t, ++from) {
            while (before.tensors[from].tensor != after.tensors[t].tensor) ++from;
            std::uint16_t holder = states_.holder(s, from);
            if (is_overlapped && holder != chain_state::anybody && is_harmless(holder, next.position, size))
                holder = chain_state::anybody;
            generic = generic && holder == chain_state::anybody;
            double value = is_overlapped ? 0.0 : value_of(s, from);
            if (is_serial) value = holder == order_.input_node() ? 0.0 : value + amount_sent(holder);
            states_.add_old(holder, value);
        }
        next.generic = generic;
    }

    /// Latency: no result can be there before.
    [[nodiscard]] double bound(const chain_state& s, const live_cut& cut) const {
        double least = s.head;
        for (std::size_t t = 0; t < cut.tensors.size(); ++t)
            least = std::max(least, value_of(s, t) + tails_->tail(s.cut, t, order_[states_.holder(s, t)]));
        return least;
    }

    /// All layers are placed.
    void finish(const chain_state& next, const live_cut& after) {
        if constexpr (is_overlapped) {
            if (best_ != none || !can_settle_rest(next, after)) return;
        }
        if constexpr (is_latency) {
            if (next.head >= limit_) return;
            limit_ = next.head;
        }
        best_ = states_.add(next);
    }

    /// Overlapped: whether everything that is still owed to the sink can be delivered.
    [[nodiscard]] bool can_settle_rest(const chain_state& next, const live_cut& after) {
        const auto sent = senders_;
        senders_.clear();
        bool can = true;
        for (std::size_t t = 0; t < after.tensors.size() && order_.owes(next.position); ++t)
            can = can && receive(next, order_.owed_until(), after, t);
        senders_ = sent;
        return can;
    }

    [[nodiscard]] chain_cuts trace_back() const {
        chain_cuts found{{n_}, {}};
        for (std::uint32_t id = best_; states_[id].position != chain_state::nobody; id = states_[id].parent) {
            found.cuts.push_back(states_[states_[id].parent].cut);
            found.devices.push_back(order_[states_[id].position]);
        }
        std::reverse(found.cuts.begin(), found.cuts.end());
        std::reverse(found.devices.begin(), found.devices.end());
        return found;
    }

    chain_tables& tables_;
    const chain_tails* tails_;
    chain_order order_;
    std::size_t max_states_, max_steps_;
    std::size_t n_;
    std::size_t classes_ = 0;
    std::vector<std::size_t> class_base_[2]{};  // [owed][cut]
    std::size_t steps_ = 0;

    double limit_ = 0.0;
    bool relaxed_ = false;
    std::vector<std::size_t> need_{};  // [q]
    chain_states states_{};
    std::vector<std::uint32_t> hashed_{};  // states with holders of their own
    std::vector<std::uint32_t> candidates_{};
    std::vector<sender> senders_{};
    double arrival_ = 0.0;
    std::size_t furthest_ = 0;  // cut of a state
    std::uint32_t best_ = none;
};

}  // namespace dispart::detail
