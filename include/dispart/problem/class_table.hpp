#pragma once
/// \file
/// The tables of an instance, built row by row: equal rows and equal columns are stored once.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/problem/instance.hpp"

namespace dispart {

/// What an instance knows of one layer on one device.
struct cost_cell {
    double fixed = 0.0;      ///< seconds per call
    double marginal = 0.0;   ///< seconds for the whole layer, on top
    double workspace = 0.0;  ///< bytes
    bool allowed = false;

    friend auto operator<=>(const cost_cell&, const cost_cell&) = default;
};

/// Collects one row of cells (one per device) for each different layer. Devices start as one class; a row in which two
/// of a class differ splits it. 100,000 layers on 1,000 devices of three kinds need three columns.
class class_table {
  public:
    explicit class_table(std::size_t devices) : class_of_(devices, 0), parent_{no_id} {}

    /// Takes a row; returns its number, for `apply`. Precondition: one cell per device, no NaN. O(devices).
    std::size_t add(std::span<const cost_cell> row) {
        DISPART_EXPECTS(row.size() == class_of_.size());
        const std::size_t before = parent_.size();
        std::vector<cost_cell> values = split(row);
        if (parent_.size() != before) known_.clear();
        const auto [entry, is_new] = known_.try_emplace(values, rows_.size());
        if (is_new) rows_.push_back(std::move(values));
        return entry->second;
    }

    /// Fills the tables and classes of an instance whose layer l has row `row_of_layer[l]`. O(rows * classes).
    void apply(std::span<const std::size_t> row_of_layer, instance& into) const {
        std::map<std::vector<cost_cell>, std::size_t> distinct;
        std::vector<std::size_t> final_row;
        std::vector<const std::vector<cost_cell>*> order;
        for (const auto& row : rows_) {
            const auto [entry, is_new] = distinct.try_emplace(widened(row), distinct.size());
            if (is_new) order.push_back(&entry->first);
            final_row.push_back(entry->second);
        }
        const std::size_t rows = order.size(), columns = parent_.size();
        into.fixed_seconds = into.marginal_seconds = into.workspace_bytes = xt::zeros<double>({rows, columns});
        into.allowed = xt::zeros<std::uint8_t>({rows, columns});
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t c = 0; c < columns; ++c) {
                const cost_cell& cell = (*order[r])[c];
                into.fixed_seconds(r, c) = cell.fixed;
                into.marginal_seconds(r, c) = cell.marginal;
                into.workspace_bytes(r, c) = cell.workspace;
                into.allowed(r, c) = cell.allowed ? 1 : 0;
            }
        into.device_class = class_of_;
        into.layer_class.clear();
        for (const std::size_t row : row_of_layer) into.layer_class.push_back(final_row[row]);
    }

  private:
    /// Splits classes until each has one value in this row; returns the values.
    std::vector<cost_cell> split(std::span<const cost_cell> row) {
        std::vector<cost_cell> values(parent_.size());
        std::vector<bool> seen(parent_.size(), false);
        std::map<std::pair<std::size_t, cost_cell>, std::size_t> made;
        for (device_id d = 0; d < row.size(); ++d) {
            const std::size_t c = class_of_[d];
            if (!seen[c]) {
                seen[c] = true;
                values[c] = row[d];
            } else if (values[c] != row[d]) {
                const auto [entry, is_new] = made.try_emplace({c, row[d]}, parent_.size());
                class_of_[d] = entry->second;
                if (!is_new) continue;
                parent_.push_back(c);
                values.push_back(row[d]);
                seen.push_back(true);
            }
        }
        return values;
    }

    /// A row from before some splits, with the values of the classes that came later.
    [[nodiscard]] std::vector<cost_cell> widened(std::vector<cost_cell> row) const {
        for (std::size_t c = row.size(); c < parent_.size(); ++c) row.push_back(row[parent_[c]]);
        return row;
    }

    std::vector<std::size_t> class_of_;           ///< [device]
    std::vector<std::size_t> parent_;             ///< [class] the class that it was split from
    std::vector<std::vector<cost_cell>> rows_{};  ///< [row][class], as many classes as there were then
    std::map<std::vector<cost_cell>, std::size_t> known_{};  ///< rows since the last split
};

}  // namespace dispart
