#include "dispart/problem/class_table.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "dispart/core/random.hpp"

using namespace dispart;

TEST_CASE("tables give back every cell, with as few rows and columns as there are different ones") {
    random_source random(11);
    for (int trial = 0; trial < 300; ++trial) {
        const std::size_t layers = 1 + random.index(12), devices = 1 + random.index(8);
        const auto kinds = random.integer(1, 3);
        std::vector<std::vector<cost_cell>> rows(layers, std::vector<cost_cell>(devices));
        for (auto& row : rows)
            for (auto& cell : row)
                cell = {.fixed = static_cast<double>(random.integer(1, kinds)),
                        .marginal = 2.0,
                        .allowed = random.chance(0.9)};
        for (std::size_t l = 1; l < layers; ++l)
            if (random.chance(0.5)) rows[l] = rows[random.index(l)];
        for (device_id d = 1; d < devices; ++d)
            if (random.chance(0.5))
                for (auto& row : rows) row[d] = row[0];

        class_table table(devices);
        std::vector<std::size_t> numbers;
        for (const auto& row : rows) numbers.push_back(table.add(row));
        instance p;
        table.apply(numbers, p);
        std::set<std::vector<cost_cell>> columns;
        for (device_id d = 0; d < devices; ++d) {
            std::vector<cost_cell> column;
            for (const auto& row : rows) column.push_back(row[d]);
            columns.insert(column);
        }
        REQUIRE(p.fixed_seconds.shape()[0] == std::set(rows.begin(), rows.end()).size());
        REQUIRE(p.fixed_seconds.shape()[1] == columns.size());
        for (std::size_t l = 0; l < layers; ++l)
            for (device_id d = 0; d < devices; ++d) {
                REQUIRE(p.compute(l, d) == rows[l][d].fixed + rows[l][d].marginal);
                REQUIRE(p.is_allowed(l, d) == rows[l][d].allowed);
            }
    }
}
