#pragma once
/// \file
/// What the chain algorithms ask of an instance again and again, whatever the order of devices.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <xtensor/xtensor.hpp>

#include "dispart/core/ids.hpp"
#include "dispart/partition/detail/line.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/problem/segment_memory.hpp"

namespace dispart::detail {

/// A tensor that exists at a cut and is wanted behind it.
struct live_tensor {
    tensor_id tensor = no_id;
    layer_id producer = no_id;
    layer_id next_reader =
        no_id;  ///< the first layer behind the cut that reads it; layer_count where none does
    double bytes = 0.0;
    bool output = false;  ///< still owed to the sink
};

/// A cut of the layer order: layers before it are done.
struct live_cut {
    std::vector<live_tensor> tensors{};  ///< ascending by producer, so that those of older segments come first
    std::vector<std::size_t> by_reader{};  ///< indices into `tensors`, ascending by next reader
    layer_id span = 0;                     ///< the last layer that reads one of them
    double bytes = 0.0;                    ///< all of them, what is also owed to the sink twice
    bool owes = false;                     ///< whether any is still owed to the sink

    /// How many of the tensors were made before a layer.
    [[nodiscard]] std::size_t older_than(layer_id first) const {
        std::size_t count = 0;
        while (count < tensors.size() && tensors[count].producer < first) ++count;
        return count;
    }
};

/// Model inputs that layers behind a cut read, ascending by next reader.
struct pending_input {
    layer_id next_reader = no_id;
    double bytes = 0.0;
};

/// Order-independent tables. O(layers * (device classes + live tensors)) time and memory; memory rows on demand.
class chain_tables {
  public:
    explicit chain_tables(const instance& problem) : problem_(problem), segments_(problem) {
        sum_up_work();
        find_useful_layers();
        list_live_tensors();
        price_pairs();
        group_memory();
        parting_ = parting_cuts(problem);
    }
    chain_tables(const chain_tables&) = delete;
    chain_tables& operator=(const chain_tables&) = delete;

    [[nodiscard]] const instance& problem() const noexcept { return problem_; }
    [[nodiscard]] std::size_t layers() const noexcept { return problem_.layer_count(); }

    /// Seconds of layers [0, end) on a device, for every end.
    [[nodiscard]] std::span<const double> compute(device_id d) const {
        return compute_[problem_.device_class[d]];
    }
    /// The first layer from `first` on that the device may not run; layer_count where there is none.
    [[nodiscard]] layer_id first_forbidden(device_id d, layer_id first) const {
        return forbidden_[problem_.device_class[d]][first];
    }
    /// The cut before a layer; with or without tensors that are only owed to the sink.
    [[nodiscard]] const live_cut& cut(layer_id before, bool with_owed) const {
        return (with_owed ? cuts_owed_ : cuts_)[before];
    }
    /// Whether a cut would part layers that must share a device.
    [[nodiscard]] bool parts(layer_id cut) const { return parting_[cut]; }
    /// Most tensors that exist at one cut.
    [[nodiscard]] std::size_t most_live() const {
        std::size_t most = 0;
        for (const live_cut& cut : cuts_owed_) most = std::max(most, cut.tensors.size());
        return most;
    }
    [[nodiscard]] std::span<const pending_input> inputs(layer_id before) const { return inputs_[before]; }
    [[nodiscard]] double all_input_bytes() const noexcept { return all_input_bytes_; }
    /// Bytes of model outputs made by layers [first, end); negative where there are none.
    [[nodiscard]] double output_bytes(layer_id first, layer_id end) const {
        return output_count_[end] == output_count_[first] ? -1.0 : output_bytes_[end] - output_bytes_[first];
    }
    [[nodiscard]] bool is_output(tensor_id t) const { return is_output_[t]; }
    /// Whether one of the layers [first, end) leads to a model output.
    [[nodiscard]] bool is_useful(layer_id first, layer_id end) const { return useful_[end] > useful_[first]; }
    [[nodiscard]] bool has_route(device_id from, device_id to) const {
        return from == to || std::isfinite(problem_.latency(from, to) + problem_.seconds_per_byte(from, to));
    }
    /// Of the route and of each link on it.
    [[nodiscard]] double seconds_per_byte(device_id from, device_id to) const { return slowest_(from, to); }

    /// Bytes that layers [first, end) need for end = first + 1, ...; ends that are missing need too much for every
    /// device. Empty where whatever the device gets fits. Valid until the tables die.
    [[nodiscard]] std::span<const double> memory(device_id d, layer_id first) {
        const std::size_t group = memory_group_[d];
        if (group == no_id) return {};
        auto& row = memory_rows_[group][first];
        if (!row.empty()) return row;
        double weights = 0.0;
        segments_.for_each_end(first, d, [&](layer_id end, double size) {
            row.push_back(size);
            weights += problem_.weight_bytes[end - 1];
            return weights <= memory_most_[group];
        });
        return row;
    }

  private:
    void sum_up_work() {
        const std::size_t n = layers();
        const std::size_t classes = problem_.fixed_seconds.shape(1);
        compute_.assign(classes, std::vector<double>(n + 1, 0.0));
        forbidden_.assign(classes, std::vector<layer_id>(n + 1, n));
        for (std::size_t c = 0; c < classes; ++c) {
            for (layer_id l = 0; l < n; ++l) {
                const std::size_t row = problem_.layer_class[l];
                compute_[c][l + 1] =
                    compute_[c][l] + problem_.fixed_seconds(row, c) + problem_.marginal_seconds(row, c);
            }
            for (layer_id l = n; l-- > 0;)
                forbidden_[c][l] =
                    problem_.allowed(problem_.layer_class[l], c) != 0 ? forbidden_[c][l + 1] : l;
        }
    }

    void find_useful_layers() {
        const std::size_t n = layers();
        is_output_.assign(problem_.tensor_count(), false);
        for (const tensor_id t : problem_.model_outputs) is_output_[t] = true;
        std::vector<bool> leads_to_output(n, false);
        for (layer_id l = n; l-- > 0;)
            for (const tensor_id t : problem_.writes[l]) {
                if (is_output_[t]) leads_to_output[l] = true;
                for (const layer_id reader : problem_.consumers[t])
                    if (leads_to_output[reader]) leads_to_output[l] = true;
            }
        useful_.assign(n + 1, 0);
        output_count_.assign(n + 1, 0);
        output_bytes_.assign(n + 1, 0.0);
        for (layer_id l = 0; l < n; ++l) {
            useful_[l + 1] = useful_[l] + (leads_to_output[l] ? 1 : 0);
            output_count_[l + 1] = output_count_[l];
            output_bytes_[l + 1] = output_bytes_[l];
            for (const tensor_id t : problem_.writes[l])
                if (is_output_[t]) {
                    ++output_count_[l + 1];
                    output_bytes_[l + 1] += problem_.tensor_bytes[t];
                }
        }
    }

    void list_live_tensors() {
        const std::size_t n = layers();
        cuts_.resize(n + 1);
        cuts_owed_.resize(n + 1);
        inputs_.resize(n + 1);
        for (layer_id l = 0; l < n; ++l)  // in this order tensors come ascending by producer
            for (const tensor_id t : problem_.writes[l]) add_live_tensor(t, l);
        for (const tensor_id t : problem_.model_inputs) add_input(t);
        for (auto& list : inputs_)
            std::stable_sort(list.begin(), list.end(), [](const pending_input& a, const pending_input& b) {
                return a.next_reader < b.next_reader;
            });
        for (auto* cuts : {&cuts_, &cuts_owed_})
            for (live_cut& cut : *cuts) sum_up(cut);
    }

    void sum_up(live_cut& cut) const {
        cut.by_reader.resize(cut.tensors.size());
        std::iota(cut.by_reader.begin(), cut.by_reader.end(), std::size_t{0});
        std::stable_sort(cut.by_reader.begin(), cut.by_reader.end(), [&](std::size_t a, std::size_t b) {
            return cut.tensors[a].next_reader < cut.tensors[b].next_reader;
        });
        for (const live_tensor& t : cut.tensors) {
            cut.bytes += t.bytes * (t.output && t.next_reader < layers() ? 2.0 : 1.0);
            cut.owes = cut.owes || t.output;
            if (!problem_.consumers[t.tensor].empty())
                cut.span = std::max(cut.span, problem_.consumers[t.tensor].back());
        }
    }

    void add_live_tensor(tensor_id t, layer_id producer) {
        const std::size_t n = layers();
        const auto readers = problem_.consumers[t];
        const layer_id last = readers.empty() ? producer : readers.back();
        for (layer_id before = producer + 1; before <= (is_output_[t] ? n : last); ++before) {
            live_tensor live{t, producer, n, problem_.tensor_bytes[t], false};
            const auto next = std::lower_bound(readers.begin(), readers.end(), before);
            if (next != readers.end()) live.next_reader = *next;
            if (before <= last) cuts_[before].tensors.push_back(live);
            live.output = is_output_[t];
            cuts_owed_[before].tensors.push_back(live);
        }
    }

    void add_input(tensor_id t) {
        all_input_bytes_ += problem_.tensor_bytes[t];
        layer_id before = 0;
        for (const layer_id reader : problem_.consumers[t])
            for (; before <= reader; ++before) inputs_[before].push_back({reader, problem_.tensor_bytes[t]});
    }

    void price_pairs() {
        const std::size_t m = problem_.device_count();
        slowest_ = problem_.seconds_per_byte;
        for (device_id from = 0; from < m; ++from)
            for (device_id to = 0; to < m; ++to) {
                if (from == to || from * m + to >= problem_.routes.size()) continue;
                for (const link_id l : problem_.routes[from * m + to])
                    slowest_(from, to) = std::max(slowest_(from, to), problem_.link_seconds_per_byte[l]);
            }
    }

    /// Devices that need the same memory for the same layers share rows; those that hold everything have none.
    void group_memory() {
        double most = 0.0;  // that any segment needs, scratch memory aside
        for (const double size : problem_.weight_bytes) most += size;
        for (const double size : problem_.tensor_bytes)
            most += size * (problem_.queues.live + problem_.queues.inputs + problem_.queues.outputs);
        std::vector<std::vector<double>> scratch(compute_.size());  // [device class][layer]
        std::map<std::vector<double>, std::size_t> groups;
        for (device_id d = 0; d < problem_.device_count(); ++d) {
            memory_group_.push_back(no_id);
            auto& column = scratch[problem_.device_class[d]];
            if (column.empty())
                for (layer_id l = 0; l < layers(); ++l) column.push_back(problem_.workspace(l, d));
            const double largest = column.empty() ? 0.0 : *std::max_element(column.begin(), column.end());
            if (most + largest <= problem_.memory_capacity[d]) continue;
            const auto group = groups.emplace(column, groups.size()).first->second;
            memory_group_.back() = group;
            memory_rows_.resize(groups.size(), std::vector<std::vector<double>>(layers()));
            memory_most_.resize(groups.size(), 0.0);
            memory_most_[group] = std::max(memory_most_[group], problem_.memory_capacity[d]);
        }
    }

    const instance& problem_;
    segment_memory segments_;
    std::vector<std::vector<double>> compute_{};        // [device class][end]
    std::vector<std::vector<layer_id>> forbidden_{};    // [device class][first]
    std::vector<bool> is_output_{};                     // [tensor]
    std::vector<std::size_t> useful_{};                 // [end]
    std::vector<std::size_t> output_count_{};           // [end]
    std::vector<double> output_bytes_{};                // [end]
    std::vector<live_cut> cuts_{}, cuts_owed_{};        // [cut]
    std::vector<std::vector<pending_input>> inputs_{};  // [cut]
    std::vector<bool> parting_{};                       // [cut]
    double all_input_bytes_ = 0.0;
    xt::xtensor<double, 2> slowest_{};                             // [from, to]
    std::vector<std::size_t> memory_group_{};                      // [device]
    std::vector<double> memory_most_{};                            // [group]
    std::vector<std::vector<std::vector<double>>> memory_rows_{};  // [group][first]
};

}  // namespace dispart::detail
