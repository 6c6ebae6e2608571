#pragma once
// Task graphs of the shapes that scheduling papers measure on, with random durations, sizes and devices.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/schedule/problem.hpp"

namespace dispart::bench {

/// Costs of tasks and who reads from whom.
struct task_shape {
    std::vector<double> cost{};
    std::vector<std::pair<task_id, task_id>> arcs{};

    task_id add(double work) {
        cost.push_back(work);
        return cost.size() - 1;
    }
    void arc(task_id from, task_id to) { arcs.emplace_back(from, to); }
};

/// Tiled Cholesky factorisation: potrf, trsm, syrk and gemm on the lower triangle.
inline task_shape cholesky(std::size_t tiles) {
    task_shape made;
    std::map<std::pair<std::size_t, std::size_t>, task_id> last;  // who wrote a tile
    const auto write = [&](std::size_t i, std::size_t j, double work, std::initializer_list<task_id> reads) {
        const task_id t = made.add(work);
        if (last.contains({i, j})) made.arc(last[{i, j}], t);
        for (const task_id from : reads) made.arc(from, t);
        return last[{i, j}] = t;
    };
    for (std::size_t k = 0; k < tiles; ++k) {
        const task_id diagonal = write(k, k, 10.0, {});
        for (std::size_t i = k + 1; i < tiles; ++i) write(i, k, 30.0, {diagonal});
        for (std::size_t i = k + 1; i < tiles; ++i)
            for (std::size_t j = k + 1; j <= i; ++j) {
                if (i == j) write(i, i, 30.0, {last[{i, k}]});
                else write(i, j, 60.0, {last[{i, k}], last[{j, k}]});
            }
    }
    return made;
}

/// Gaussian elimination by columns: a pivot, then an update of every column behind it.
inline task_shape gauss(std::size_t columns) {
    task_shape made;
    std::vector<task_id> last;
    for (std::size_t k = 0; k + 1 < columns; ++k) {
        const auto rest = static_cast<double>(columns - k);
        const task_id pivot = made.add(2.0 * rest);
        if (k > 0) made.arc(last[0], pivot);
        std::vector<task_id> row;
        for (std::size_t j = k + 1; j < columns; ++j) {
            const task_id update = made.add(2.0 * rest);
            made.arc(pivot, update);
            if (k > 0) made.arc(last[j - k], update);
            row.push_back(update);
        }
        last = row;
    }
    return made;
}

/// A binary tree down to `points`, then the butterflies of a fast Fourier transform.
inline task_shape fourier(std::size_t points, random_source& random) {
    task_shape made;
    std::vector<task_id> row{made.add(random.uniform(5.0, 50.0))};
    while (row.size() < points) {
        std::vector<task_id> next;
        for (const task_id from : row)
            for (int child = 0; child < 2; ++child)
                made.arc(from, next.emplace_back(made.add(random.uniform(5.0, 50.0))));
        row = next;
    }
    for (std::size_t span = 1; span < points; span *= 2) {
        std::vector<task_id> next;
        for (std::size_t i = 0; i < points; ++i) {
            next.push_back(made.add(random.uniform(5.0, 50.0)));
            made.arc(row[i], next[i]);
            made.arc(row[i ^ span], next[i]);
        }
        row = next;
    }
    return made;
}

inline task_shape fork_join(std::size_t stages, std::size_t width, random_source& random) {
    task_shape made;
    task_id before = made.add(random.uniform(5.0, 50.0));
    for (std::size_t s = 0; s < stages; ++s) {
        std::vector<task_id> side_by_side;
        for (std::size_t i = 0; i < width; ++i)
            made.arc(before, side_by_side.emplace_back(made.add(random.uniform(5.0, 50.0))));
        before = made.add(random.uniform(5.0, 50.0));
        for (const task_id t : side_by_side) made.arc(t, before);
    }
    return made;
}

/// A complete tree whose leaves are its sources.
inline task_shape in_tree(std::size_t branching, std::size_t levels, random_source& random) {
    task_shape made;
    std::vector<task_id> row{made.add(random.uniform(5.0, 50.0))};
    for (std::size_t l = 0; l < levels; ++l) {
        std::vector<task_id> next;
        for (const task_id to : row)
            for (std::size_t b = 0; b < branching; ++b)
                made.arc(next.emplace_back(made.add(random.uniform(5.0, 50.0))), to);
        row = next;
    }
    return made;
}

inline task_shape chains(std::size_t count, std::size_t length, random_source& random) {
    task_shape made;
    const task_id first = made.add(random.uniform(5.0, 50.0)), last = made.add(random.uniform(5.0, 50.0));
    for (std::size_t c = 0; c < count; ++c) {
        task_id before = first;
        for (std::size_t i = 0; i < length; ++i) {
            const task_id t = made.add(random.uniform(5.0, 50.0));
            made.arc(before, t);
            before = t;
        }
        made.arc(before, last);
    }
    return made;
}

/// Levels of about sqrt(tasks) tasks; each reads from one to four tasks, mostly of the level before.
inline task_shape layered(std::size_t tasks, random_source& random) {
    task_shape made;
    const auto width = static_cast<std::size_t>(std::sqrt(static_cast<double>(tasks)));
    for (task_id t = 0; t < tasks; ++t) {
        made.add(random.uniform(5.0, 50.0));
        const std::size_t begin = t / width * width;
        std::vector<task_id> from;
        for (std::size_t k = 0; begin > 0 && k <= random.index(4); ++k)
            from.push_back(random.chance(0.75) ? begin - 1 - random.index(width) : random.index(begin));
        std::sort(from.begin(), from.end());
        from.erase(std::unique(from.begin(), from.end()), from.end());
        for (const task_id f : from) made.arc(f, t);
    }
    return made;
}

/// Puts a shape on devices whose speeds are within [1, 4] and whose links' are within [0.5, 1.5].
/// \param communication mean transfer over mean duration
inline schedule_problem on_devices(const task_shape& shape, std::size_t devices, double communication,
                                   random_source& random) {
    schedule_tables made{.tasks = shape.cost.size(), .devices = devices};
    std::vector<double> speed;
    double mean = 0.0;
    for (device_id d = 0; d < devices; ++d) speed.push_back(random.uniform(1.0, 4.0));
    for (const double cost : shape.cost)
        for (const double s : speed) made.seconds.push_back(cost / s), mean += cost / s;
    mean /= static_cast<double>(made.seconds.size());
    for (const auto& [from, to] : shape.arcs)
        made.dependencies.push_back({from, to, random.uniform(0.1, 1.9) * communication * mean});
    made.latency.assign(devices * devices, 0.0);
    made.seconds_per_byte.assign(devices * devices, 0.0);
    for (device_id a = 0; a < devices; ++a)
        for (device_id b = 0; b < a; ++b)
            made.seconds_per_byte[a * devices + b] = made.seconds_per_byte[b * devices + a] =
                1.0 / random.uniform(0.5, 1.5);
    return schedule_problem::make(std::move(made)).value();
}

}  // namespace dispart::bench
