#pragma once
/// \file
/// Work in progress on devices whose speed may change while they work.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/core/ids.hpp"
#include "dispart/simulate/detail/located_heap.hpp"

namespace dispart {

/// Jobs that run on devices, each for its seconds at the device's speed. Who may run when is for others to decide.
/// Every operation is O(log jobs), a change of speed that per job of the device.
class compute_pool {
  public:
    using job_id = std::uint32_t;

    explicit compute_pool(std::size_t devices) : devices_(devices) {}

    /// Starts a job that takes `work` seconds at speed 1. Precondition: it is not running; work is not negative.
    void start(job_id j, device_id on, double work) {
        DISPART_EXPECTS(work >= 0.0 && on < devices_.size());
        if (jobs_.size() <= j) {
            jobs_.resize(j + std::size_t{1});
            place_.resize(j + std::size_t{1});
        }
        device_state& device = devices_[on];
        count_busy(device);
        jobs_[j] = {on, work, now_, device.running.size()};
        device.running.push_back(j);
        ends_.push({end_of(jobs_[j]), j}, place_);
    }

    /// Ends a job early. \return the seconds of work, at speed 1, that were left
    double stop(job_id j) {
        const double rest = left(jobs_[j]);
        ends_.erase(j, place_);
        take_off(j);
        return rest;
    }

    /// The jobs of a device, in no particular order.
    [[nodiscard]] const std::vector<job_id>& running_on(device_id d) const { return devices_[d].running; }

    /// 1 is normal, 0 stands still.
    void set_speed(device_id d, double speed) {
        DISPART_EXPECTS(speed >= 0.0);
        count_busy(devices_[d]);
        for (const job_id j : devices_[d].running) {
            jobs_[j].work = left(jobs_[j]);
            jobs_[j].since = now_;
        }
        devices_[d].speed = speed;
        for (const job_id j : devices_[d].running) ends_.change({end_of(jobs_[j]), j}, place_);
    }

    [[nodiscard]] double now() const noexcept { return now_; }
    /// When the next job ends; infinite where none will.
    [[nodiscard]] double next_end() const {
        return ends_.empty() ? std::numeric_limits<double>::infinity() : ends_.top().key;
    }
    /// Goes on to a time not beyond `next_end()` and appends the jobs that end then, lowest id first.
    void advance(double to, std::vector<job_id>& ended) {
        DISPART_EXPECTS(to >= now_);
        now_ = to;
        while (!ends_.empty() && ends_.top().key <= now_) {
            const job_id j = ends_.top().id;
            ends_.erase(j, place_);
            take_off(j);
            ended.push_back(j);
        }
    }

    /// Seconds of computing up to now, summed over jobs; standing still does not count.
    [[nodiscard]] double busy(device_id d) {
        count_busy(devices_[d]);
        return devices_[d].busy;
    }

  private:
    struct job {
        device_id device = no_id;
        double work = 0.0;  ///< seconds at speed 1 that were left at `since`
        double since = 0.0;
        std::size_t place = 0;  ///< in the device's list
    };
    struct device_state {
        double speed = 1.0;
        double busy = 0.0;
        double counted = 0.0;  ///< until when busy is up to date
        std::vector<job_id> running{};
    };

    [[nodiscard]] double left(const job& j) const {
        return std::max(0.0, j.work - (now_ - j.since) * devices_[j.device].speed);
    }
    [[nodiscard]] double end_of(const job& j) const {
        return j.work <= 0.0 ? j.since : j.since + j.work / devices_[j.device].speed;
    }
    void count_busy(device_state& device) const {
        if (device.speed > 0.0)
            device.busy += (now_ - device.counted) * static_cast<double>(device.running.size());
        device.counted = now_;
    }
    void take_off(job_id j) {
        device_state& device = devices_[jobs_[j].device];
        count_busy(device);
        const job_id last = device.running.back();
        device.running[jobs_[j].place] = last;
        jobs_[last].place = jobs_[j].place;
        device.running.pop_back();
    }

    std::vector<device_state> devices_;
    std::vector<job> jobs_;
    detail::located_heap ends_;  // jobs by end
    detail::located_heap::places place_;
    double now_ = 0.0;
};

}  // namespace dispart
