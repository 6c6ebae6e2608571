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
#include <unordered_map>
#include <utility>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/core/random.hpp"
#include "dispart/partition/detail/chain_tables.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart::detail {

/// What is searched: all loads within a limit (two load models), or the least latency.
enum class chain_goal { overlapped, serial, latency };

/// Layers cuts[k] .. cuts[k + 1] on devices[k].
struct chain_cuts {
    std::vector<std::size_t> cuts{};
    std::vector<device_id> devices{};
};

template <chain_goal Goal>
class chain_search {
  public:
    /// Prices the order's pairs. O(devices^2 log devices).
    chain_search(chain_tables& tables, std::vector<device_id> order, std::size_t max_states)
        : tables_(tables)
        , order_(std::move(order))
        , max_states_(max_states)
        , n_(tables.layers())
        , m_(order_.size())
        , nodes_(m_ + 2) {
        DISPART_EXPECTS(m_ < nobody);
        place_ends();
        price_pairs();
        number_classes();
    }

    /// Throughput: a partition none of whose loads exceeds the limit. Latency: the fastest one below the limit.
    /// `relaxed`: a tensor that skips a segment travels for free from there on, which bounds the true answer.
    [[nodiscard]] std::optional<chain_cuts> run(double limit, bool relaxed) {
        limit_ = std::min(limit, std::numeric_limits<double>::max());
        relaxed_ = relaxed;
        complete_ = true;
        best_ = none;
        labels_.clear();
        holders_.clear();
        values_.clear();
        explicit_.clear();
        buckets_.clear();
        heads_.assign(classes_ * m_, none);
        find_needs();
        labels_.push_back({});
        for (std::size_t q = 0; q < m_; ++q) {
            expand_onto(q);
            if (Goal != chain_goal::latency && best_ != none) break;
        }
        states_ += labels_.size();
        if (best_ == none) return std::nullopt;
        return trace_back();
    }

    /// Whether the last run looked at every state; where not, a negative answer means nothing.
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    /// States of all runs so far.
    [[nodiscard]] std::size_t states() const noexcept { return states_; }

  private:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::uint16_t nobody = std::numeric_limits<std::uint16_t>::max();
    static constexpr std::uint16_t anybody =
        nobody - 1;  ///< a holder that can send all it holds to all that follow
    static constexpr bool is_latency = Goal == chain_goal::latency;
    static constexpr bool is_serial = Goal == chain_goal::serial;
    static constexpr bool is_overlapped = Goal == chain_goal::overlapped;

    struct label {
        double head =
            0.0;  ///< latency: last output's arrival; serial: load of the source; overlapped: bytes that
                  ///< the source sends to the sink's device, whose way the source device's outputs may share
        double last = 0.0;      ///< latency: end of the last segment; serial: its load so far
        std::uint32_t cut = 0;  ///< layers done
        std::uint32_t parent = none;
        std::uint32_t next = none;        ///< in its bucket
        std::uint32_t old_begin = 0;      ///< into holders_ and values_
        std::uint16_t old_count = 0;      ///< tensors that earlier segments hold
        std::uint16_t position = nobody;  ///< of the last segment's device
        bool generic = true;              ///< all old holders are anybody: holders_ has no entries
        bool dead = false;                ///< another one dominates it
    };

    /// What the devices that were read from have to send to the next segment: bytes, or seconds in the serial model.
    struct sender {
        std::uint16_t node;
        double amount;
    };

    // --- set-up

    void place_ends() {
        const instance& problem = tables_.problem();
        const auto position = [&](device_id d) {
            return static_cast<std::size_t>(std::find(order_.begin(), order_.end(), d) - order_.begin());
        };
        has_source_ = problem.source != no_id;
        has_sink_ = problem.sink != no_id;
        // Loads of one device or pair add up wherever they come from; messages to wait for stay apart.
        source_ = !is_latency && has_source_ && position(problem.source) < m_ ? position(problem.source) : m_;
        if (!is_overlapped || !has_sink_ || position(problem.sink) == m_) return;
        owed_until_ = position(problem.sink);
        carries_inputs_ = has_source_ && source_ < m_ && owed_until_ < source_;
    }

    void price_pairs() {
        const instance& problem = tables_.problem();
        std::vector<device_id> at = order_;
        at.push_back(problem.source);
        at.push_back(problem.sink);
        fixed_.assign(nodes_ * nodes_, 0.0);
        rate_.assign(nodes_ * nodes_, 0.0);
        for (std::size_t a = 0; a < nodes_; ++a)
            for (std::size_t b = 0; b < nodes_; ++b) {
                if (at[a] == no_id || at[b] == no_id || at[a] == at[b]) continue;
                if (!tables_.has_route(at[a], at[b])) {
                    fixed_[a * nodes_ + b] = std::numeric_limits<double>::infinity();
                    continue;
                }
                if (is_latency) fixed_[a * nodes_ + b] = problem.latency(at[a], at[b]);
                rate_[a * nodes_ + b] = is_overlapped ? tables_.seconds_per_byte(at[a], at[b])
                                                      : problem.seconds_per_byte(at[a], at[b]);
            }
        later_rate_.assign(m_ * m_, 0.0);
        for (std::size_t from = 0; from < m_; ++from)
            for (std::size_t q = m_; q-- > 1;)
                later_rate_[from * m_ + q - 1] =
                    std::max(later_rate_[from * m_ + q], fixed_[from * nodes_ + q] + rate_[from * nodes_ + q]);
        by_rate_.resize(m_);
        for (std::size_t q = 0; q < m_; ++q) {
            for (std::size_t p = 0; p < q; ++p) by_rate_[q].push_back(p);
            std::stable_sort(by_rate_[q].begin(), by_rate_[q].end(),
                             [&](std::size_t a, std::size_t b) { return cost(a, q, 1.0) < cost(b, q, 1.0); });
        }
    }

    void number_classes() {
        for (const bool owed : {false, true})
            for (std::size_t i = 0; i <= n_ && (!owed || owed_until_ > 0); ++i) {
                class_base_[owed].push_back(classes_);
                classes_ += tables_.cut(i, owed).tensors.size() + 1;
            }
    }

    /// need_[q]: no prefix shorter than this leaves work that devices q, q + 1, ... can do within the limit.
    void find_needs() {
        need_.assign(m_ + 1, is_latency ? 0 : n_);
        for (std::size_t q = m_; q-- > 0 && !is_latency;) {
            const auto sums = tables_.compute(order_[q]);
            std::size_t i = need_[q + 1];
            while (i > 0 && sums[need_[q + 1]] - sums[i - 1] <= limit_ &&
                   tables_.first_forbidden(order_[q], i - 1) >= i)
                --i;
            need_[q] = i;
        }
    }

    // --- prices

    [[nodiscard]] double cost(std::size_t from, std::size_t to, double size) const {
        return fixed_[from * nodes_ + to] + rate_[from * nodes_ + to] * size;
    }
    /// Whether cuts in front of the device's segment still carry what is owed to the sink.
    [[nodiscard]] bool owes(std::size_t position) const { return position < owed_until_; }
    [[nodiscard]] const live_cut& cut_of(const label& s) const {
        return tables_.cut(s.cut, s.position != nobody && owes(s.position));
    }
    [[nodiscard]] std::uint32_t& bucket_of_class(std::size_t position, std::size_t cut, std::size_t old_count) {
        return heads_[(class_base_[owes(position)][cut] + old_count) * m_ + position];
    }
    /// Whether a device can send that many bytes, and whatever else it may have to, to every device behind q.
    [[nodiscard]] bool is_harmless(std::size_t holder, std::size_t q, double size) const {
        if (relaxed_) return true;
        if (holder == source_) size += tables_.all_input_bytes();
        return later_rate_[holder * m_ + q] * size <= limit_;
    }

    // --- expansion

    void expand_onto(std::size_t q) {
        const std::size_t known = explicit_.size();
        if (need_[q] == 0) extend(0, q);
        for (std::size_t i = std::max<std::size_t>(1, need_[q]); i < n_; ++i)
            for (const bool owed : {false, true})
                if (!owed || owed_until_ > 0) expand_classes(i, owed, q);
        for (std::size_t e = 0; e < known; ++e)
            if (labels_[explicit_[e]].cut >= need_[q]) extend(explicit_[e], q);
    }

    /// Expands the states at a cut whose old tensors anybody may hold. They differ in the last device only, and in
    /// the overlapped model the one with the fastest way to q reaches all that the others reach.
    void expand_classes(std::size_t i, bool owed, std::size_t q) {
        const live_cut& cut = tables_.cut(i, owed);
        const bool heads_differ = carries_inputs_ && q > owed_until_ && q <= source_;
        const bool alike = is_overlapped && !heads_differ && !(owed && cut.owes && q >= owed_until_) &&
                           (!has_source_ || tables_.inputs(i).empty() || source_ >= q);
        for (std::size_t k = 0; k <= (is_overlapped ? cut.tensors.size() : 0); ++k)
            for (const std::size_t p : by_rate_[q]) {
                if (owes(p) != owed) continue;
                std::uint32_t id = bucket_of_class(p, i, k);
                if (id == none) continue;
                for (; id != none; id = labels_[id].next)
                    if (!labels_[id].dead) extend(id, q);
                if (alike && is_harmless(p, q, cut.bytes)) break;
            }
    }

    /// Places a next segment of every possible length on device q.
    void extend(std::uint32_t id, std::size_t q) {
        const label s = labels_[id];
        if (s.dead || (!is_latency && best_ != none)) return;
        const device_id d = order_[q];
        const live_cut& cut = cut_of(s);
        const auto sums = tables_.compute(d);
        const auto memory = tables_.memory(d, s.cut);
        const auto inputs = has_source_ ? tables_.inputs(s.cut) : std::span<const pending_input>{};
        const std::size_t end = std::min(tables_.first_forbidden(d, s.cut), n_);
        senders_.clear();
        arrival_ = 0.0;
        std::size_t read = 0, fed = 0;
        if (!settle_owed(s, cut, q)) return;
        for (std::size_t j = std::max<std::size_t>(s.cut + 1, is_latency ? 0 : need_[q + 1]); j <= end; ++j) {
            const double busy = sums[j] - sums[s.cut];
            if (!is_latency && busy > limit_) return;
            for (; read < cut.by_reader.size() && cut.tensors[cut.by_reader[read]].next_reader < j; ++read)
                if (!receive(s, q, cut.by_reader[read], cut.tensors[cut.by_reader[read]].bytes)) return;
            for (; fed < inputs.size() && inputs[fed].next_reader < j; ++fed)
                if (!add_message(source_, q, inputs[fed].bytes, is_serial ? s.head : 0.0)) return;
            label next = s;
            if (!finish_segment(next, q, j, busy)) return;
            if (!memory.empty() && (j - s.cut > memory.size() || memory[j - s.cut - 1] > capacity(d)))
                continue;
            next.cut = static_cast<std::uint32_t>(j);
            next.parent = id;
            next.position = static_cast<std::uint16_t>(q);
            arrive(s, next, cut);
        }
    }

    [[nodiscard]] double capacity(device_id d) const { return tables_.problem().memory_capacity[d]; }

    [[nodiscard]] std::uint16_t holder_of(const label& s, std::size_t tensor) const {
        if (tensor >= s.old_count) return s.position;
        return s.generic ? anybody : holders_[s.old_begin + tensor];
    }
    /// Latency: when the holder was done. Serial: its load so far.
    [[nodiscard]] double value_of(const label& s, std::size_t tensor) const {
        if constexpr (is_serial)
            if (holder_of(s, tensor) == source_) return s.head;
        return tensor >= s.old_count ? s.last : values_[s.old_begin + tensor];
    }
    [[nodiscard]] bool receive(const label& s, std::size_t q, std::size_t tensor, double size) {
        const auto holder = holder_of(s, tensor);
        return holder == anybody || add_message(holder, q, size, is_overlapped ? 0.0 : value_of(s, tensor));
    }

    [[nodiscard]] double& amount_of(std::size_t node) {
        for (sender& s : senders_)
            if (s.node == node) return s.amount;
        return senders_.emplace_back(sender{static_cast<std::uint16_t>(node), 0.0}).amount;
    }
    [[nodiscard]] double amount_sent(std::size_t node) const {
        for (const sender& s : senders_)
            if (s.node == node) return s.amount;
        return 0.0;
    }

    /// One more tensor for the segment that is being placed. `value`: see value_of. False: over the limit.
    [[nodiscard]] bool add_message(std::size_t from, std::size_t to, double size, double value) {
        double& amount = amount_of(from);
        if constexpr (is_serial) {
            amount += cost(from, to, size);
            return value + amount <= limit_;
        }
        amount += size;
        const double seconds = cost(from, to, amount);
        if constexpr (is_overlapped) return seconds <= limit_;
        arrival_ = std::max(arrival_, value + seconds);
        return arrival_ <= std::numeric_limits<double>::max();
    }

    /// Overlapped: when the sink's device is reached or passed, what earlier segments owe it is charged.
    [[nodiscard]] bool settle_owed(const label& s, const live_cut& cut, std::size_t q) {
        if (!is_overlapped || q < owed_until_ || s.position == nobody || !owes(s.position)) return true;
        for (std::size_t t = 0; t < cut.tensors.size(); ++t)
            if (cut.tensors[t].output && !receive(s, owed_until_, t, cut.tensors[t].bytes)) return false;
        if (q > owed_until_) senders_.clear();
        return true;
    }

    /// Computes the segment [next.cut, j) and hands over its outputs. False: over the limit, as is any longer one.
    [[nodiscard]] bool finish_segment(label& next, std::size_t q, std::size_t j, double busy) {
        const std::size_t i = next.cut;
        double outputs = owes(q) ? -1.0 : tables_.output_bytes(i, j);
        if (carries_inputs_) {
            if (q == owed_until_) next.head = amount_sent(source_);
            if (q == source_ && outputs >= 0.0) outputs += next.head;
            if (q >= source_) next.head = 0.0;
        }
        const double delivery = outputs < 0.0 || !has_sink_ ? 0.0 : cost(q, m_ + 1, outputs);
        if constexpr (is_overlapped) return delivery <= limit_;
        if constexpr (is_serial) {
            next.last = q == source_ ? 0.0 : busy + delivery;
            next.head += amount_sent(source_) + (q == source_ ? busy + delivery : 0.0);
            return next.last <= limit_ && next.head <= limit_;
        }
        next.last = arrival_ + busy;
        if (outputs >= 0.0) next.head = std::max(next.head, next.last + delivery);
        return next.head < limit_ && (next.last < limit_ || !tables_.is_useful(i, j));
    }

    /// Keeps the new state unless it is worse than a known one; `s` is the state before.
    void arrive(const label& s, label& next, const live_cut& before) {
        const std::size_t written = holders_.size();
        const live_cut& after = cut_of(next);
        next.old_count = static_cast<std::uint16_t>(after.older_than(s.cut));
        next.old_begin = static_cast<std::uint32_t>(written);
        next.next = none;
        inherit(s, next, before, after);
        bool keep_holders = false;
        if (is_latency && bound(next, after) >= limit_) {
            // cannot become better than the best
        } else if (next.cut == n_) {
            finish(next, after);
        } else if (next.generic && (is_overlapped || next.old_count == 0)) {
            keep(next, bucket_of_class(next.position, next.cut, next.old_count));
        } else if (keep(next, buckets_.try_emplace(hash(next), none).first->second)) {
            explicit_.push_back(static_cast<std::uint32_t>(labels_.size() - 1));
            keep_holders = true;
        }
        if (keep_holders) return;
        holders_.resize(written);
        values_.resize(written);
    }

    /// Writes down who holds the tensors that the new segment did not make.
    void inherit(const label& s, label& next, const live_cut& before, const live_cut& after) {
        double size = 0.0;
        for (std::size_t t = 0; t < next.old_count; ++t)
            size += after.tensors[t].bytes * (after.tensors[t].output ? 2.0 : 1.0);
        next.generic = is_overlapped || next.old_count == 0;
        std::size_t from = 0;
        for (std::size_t t = 0; t < next.old_count; ++t, ++from) {
            while (before.tensors[from].tensor != after.tensors[t].tensor) ++from;
            std::uint16_t holder = holder_of(s, from);
            if (is_overlapped && holder != anybody && is_harmless(holder, next.position, size))
                holder = anybody;
            next.generic = next.generic && holder == anybody;
            double value = is_overlapped ? 0.0 : value_of(s, from);
            if (is_serial) value = holder == source_ ? 0.0 : value + amount_sent(holder);
            holders_.push_back(holder);
            values_.push_back(value);
        }
    }

    /// Latency: no result can be there before.
    [[nodiscard]] double bound(const label& s, const live_cut& cut) const {
        double least = s.head;
        for (std::size_t t = 0; t < cut.tensors.size(); ++t)
            least = std::max(least, value_of(s, t) + cut.tensors[t].tail);
        return least;
    }

    [[nodiscard]] std::uint64_t hash(const label& s) const {
        std::uint64_t h = mix64(s.cut * m_ + s.position);
        for (std::size_t t = 0; t < s.old_count; ++t) h = mix64(h ^ holders_[s.old_begin + t]);
        return h;
    }

    [[nodiscard]] bool same_key(const label& a, const label& b) const {
        if (a.cut != b.cut || a.position != b.position || a.old_count != b.old_count || a.generic != b.generic)
            return false;
        for (std::size_t t = 0; t < a.old_count && !(a.generic && is_overlapped); ++t)
            if (holders_[a.old_begin + t] != holders_[b.old_begin + t]) return false;
        return true;
    }
    /// Whether a is at least as good as b, which has the same key.
    [[nodiscard]] bool dominates(const label& a, const label& b) const {
        if (a.head > b.head || a.last > b.last) return false;
        for (std::size_t t = 0; t < a.old_count && !is_overlapped; ++t)
            if (values_[a.old_begin + t] > values_[b.old_begin + t]) return false;
        return true;
    }

    /// Adds a state to its bucket. False: it is not needed.
    bool keep(label& next, std::uint32_t& first) {
        for (std::uint32_t id = first; id != none; id = labels_[id].next) {
            label& other = labels_[id];
            if (other.dead || !same_key(other, next)) continue;
            if (dominates(other, next)) return false;
            if (dominates(next, other)) other.dead = true;
        }
        if (labels_.size() >= max_states_) {
            complete_ = false;
            return false;
        }
        next.next = first;
        first = static_cast<std::uint32_t>(labels_.size());
        labels_.push_back(next);
        return true;
    }

    /// All layers are placed.
    void finish(const label& next, const live_cut& after) {
        if constexpr (is_overlapped) {
            if (best_ != none) return;
            senders_scratch_.swap(senders_);
            senders_.clear();
            bool within = true;
            for (std::size_t t = 0; t < after.tensors.size() && owes(next.position); ++t)
                within = within && receive(next, owed_until_, t, after.tensors[t].bytes);
            senders_.swap(senders_scratch_);
            if (!within) return;
        }
        if constexpr (is_latency) limit_ = next.head;
        best_ = static_cast<std::uint32_t>(labels_.size());
        labels_.push_back(next);
    }

    [[nodiscard]] chain_cuts trace_back() const {
        chain_cuts found{{n_}, {}};
        for (std::uint32_t id = best_; labels_[id].position != nobody; id = labels_[id].parent) {
            found.cuts.push_back(labels_[labels_[id].parent].cut);
            found.devices.push_back(order_[labels_[id].position]);
        }
        std::reverse(found.cuts.begin(), found.cuts.end());
        std::reverse(found.devices.begin(), found.devices.end());
        return found;
    }

    chain_tables& tables_;
    std::vector<device_id> order_;
    std::size_t max_states_;
    std::size_t n_;
    std::size_t m_;
    std::size_t nodes_;  // devices by position, then the source, then the sink
    bool has_source_ = false;
    bool has_sink_ = false;
    std::size_t source_ = 0;       // node whose load the inputs are
    std::size_t owed_until_ = 0;   // position of the sink's device; 0 where outputs are delivered at once
    bool carries_inputs_ = false;  // whether the sink's device comes before the source's
    std::vector<double> fixed_{}, rate_{};             // [node, node]
    std::vector<double> later_rate_{};                 // [position, q]: worst rate to a device behind q
    std::vector<std::vector<std::size_t>> by_rate_{};  // [q] positions before it, fastest way first
    std::vector<std::size_t> class_base_[2]{};         // [owed][cut]
    std::size_t classes_ = 0;
    std::vector<std::size_t> need_{};  // [q]

    double limit_ = 0.0;
    bool relaxed_ = false;
    bool complete_ = true;
    std::size_t states_ = 0;
    std::vector<label> labels_{};
    std::vector<std::uint32_t> heads_{};  // [class, position]
    std::unordered_map<std::uint64_t, std::uint32_t> buckets_{};
    std::vector<std::uint32_t> explicit_{};
    std::vector<std::uint16_t> holders_{};
    std::vector<double> values_{};
    std::vector<sender> senders_{}, senders_scratch_{};
    double arrival_ = 0.0;
    std::uint32_t best_ = none;
};

}  // namespace dispart::detail
