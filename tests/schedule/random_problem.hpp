#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/schedule/problem.hpp"

namespace dispart::test {

/// What a random problem looks like.
struct problem_shape {
    std::size_t tasks = 30;
    std::size_t devices = 4;
    std::size_t layers = 6;      ///< tasks read from the layer before, now and then from an earlier one
    double degree = 2.5;         ///< dependencies per task
    double communication = 1.0;  ///< mean transfer over mean duration
    bool related = true;         ///< devices differ by speed alone
    double forbidden = 0.0;      ///< share of (task, device) pairs
    double latency = 0.0;        ///< greatest latency
    bool whole_numbers = false;  ///< small integers: many ties, zeros among them
};

/// A layered graph like those that scheduling papers draw.
inline schedule_problem random_problem(random_source& random, const problem_shape& like = {}) {
    schedule_tables made;
    const std::size_t n = made.tasks = like.tasks, m = made.devices = like.devices;
    const auto number = [&](double low, double high) {
        return like.whole_numbers ? static_cast<double>(random.integer(0, 4)) : random.uniform(low, high);
    };
    std::vector<double> speed;
    for (device_id d = 0; d < m; ++d) speed.push_back(like.whole_numbers ? 1.0 : random.uniform(1.0, 4.0));
    for (task_id t = 0; t < n; ++t) {
        const double cost = number(5.0, 50.0);
        const device_id sure = random.index(m);
        for (device_id d = 0; d < m; ++d)
            made.seconds.push_back(d != sure && random.chance(like.forbidden)
                                       ? std::numeric_limits<double>::infinity()
                                   : like.related ? cost / speed[d]
                                                  : number(5.0, 50.0));
    }
    const std::size_t width = std::max<std::size_t>(1, n / like.layers);
    for (task_id t = width; t < n; ++t) {
        const std::size_t count = 1 + random.index(static_cast<std::size_t>(2.0 * like.degree));
        std::vector<task_id> from;
        for (std::size_t k = 0; k < count; ++k) {
            const task_id first = random.chance(0.8) && t >= 2 * width ? (t / width - 1) * width : 0;
            from.push_back(first + random.index((t / width) * width - first));
        }
        std::sort(from.begin(), from.end());
        from.erase(std::unique(from.begin(), from.end()), from.end());
        for (const task_id f : from)
            made.dependencies.push_back({f, t, number(0.0, 20.0) * like.communication});
    }
    for (device_id a = 0; a < m; ++a)
        for (device_id b = 0; b < m; ++b) {
            made.latency.push_back(a == b || like.latency == 0.0 ? 0.0 : random.uniform(0.0, like.latency));
            made.seconds_per_byte.push_back(a == b ? 0.0 : number(0.5, 1.5));
        }
    return schedule_problem::make(std::move(made)).value();
}

/// Shapes that differ in everything: for property tests.
inline problem_shape random_shape(random_source& random, std::size_t most_tasks = 60) {
    return {.tasks = 1 + random.index(most_tasks),
            .devices = 1 + random.index(6),
            .layers = 1 + random.index(8),
            .degree = random.uniform(0.6, 4.0),
            .communication = random.chance(0.2) ? 0.0 : random.uniform(0.1, 5.0),
            .related = random.chance(0.5),
            .forbidden = random.chance(0.5) ? 0.0 : 0.4,
            .latency = random.chance(0.5) ? 0.0 : 10.0,
            .whole_numbers = random.chance(0.3)};
}

/// The graph of fig. 2 in Topcuoglu, Hariri, Wu (IEEE TPDS 13(3), 2002): ten tasks on three processors.
inline schedule_problem topcuoglu_example() {
    schedule_tables made;
    made.tasks = 10;
    made.devices = 3;
    made.seconds = {14, 16, 9, 13, 19, 18, 11, 13, 19, 13, 8,  17, 12, 13, 10,
                    13, 16, 9, 7,  15, 11, 5,  11, 14, 18, 12, 20, 21, 7,  16};
    made.dependencies = {{0, 1, 18}, {0, 2, 12}, {0, 3, 9},  {0, 4, 11}, {0, 5, 14},
                         {1, 7, 19}, {1, 8, 16}, {2, 6, 23}, {3, 7, 27}, {3, 8, 23},
                         {4, 8, 13}, {5, 7, 15}, {6, 9, 17}, {7, 9, 11}, {8, 9, 13}};
    made.latency.assign(9, 0.0);
    made.seconds_per_byte.assign(9, 1.0);
    return schedule_problem::make(std::move(made)).value();
}

}  // namespace dispart::test
