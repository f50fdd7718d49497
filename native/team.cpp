#include "team.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(_MSC_VER)
#include <intrin.h>
#endif

namespace showtell {

namespace {

// A thread that waits first looks again and again, as the wait is short; then it gives its core away. Where there are
// more threads than cores it does so at once, as the one it waits for may need that core.
constexpr int SPIN_LIMIT = 20000;
const int cores = int(std::thread::hardware_concurrency());
constexpr unsigned MOST = 1024;  // threads, and more than anyone has

inline void cpu_relax() {
#if defined(_M_X64)
    _mm_pause();
#elif defined(_M_ARM64)
    __yield();
#elif defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

template <class Done>
void wait_until(int threads, Done done) {
    for (int spin = threads > cores ? SPIN_LIMIT : 0; spin < SPIN_LIMIT; spin++) {
        if (done()) return;
        cpu_relax();
    }
    while (!done()) std::this_thread::yield();
}

// In pages of 2 MB where the system has them: products that step through tens of MB otherwise look up addresses for an
// eighth of their time.
constexpr std::align_val_t PAGE{std::size_t(2) << 20};

char* new_memory(std::size_t bytes) {
    char* memory = static_cast<char*>(::operator new(bytes, PAGE));
#if defined(__linux__)
    madvise(memory, bytes, MADV_HUGEPAGE);  // advice: it may fail
#endif
    return memory;
}

struct ThreadGroup : Team {
    std::atomic<int> arrived{0};
    std::atomic<unsigned> round{0};
};

class Pool {
  public:
    std::mutex one_call;
    char* memory = nullptr;
    std::size_t capacity = 0;

    // The caller and as many others as there are, or as the system gives (a container may bound them): `threads` at most.
    int hire(int threads) noexcept {
        try {
            while (int(workers_.size()) < threads - 1)
                workers_.emplace_back(&Pool::work, this, int(workers_.size()) + 1, task_.load());
        } catch (const std::system_error&) {
        } catch (const std::bad_alloc&) {
        }
        return std::min(threads, int(workers_.size()) + 1);
    }

    void run(int threads, Body body, void* context) {
        const unsigned before = task_.load();
        group_.size = threads;
        group_.arrived = 0;
        body_ = body, context_ = context;
        unfinished_ = threads - 1;
        {
            std::lock_guard<std::mutex> lock(mutex_);
            task_.store((before / MOST + 1) * MOST + unsigned(threads), std::memory_order_release);
        }
        if (threads > 1) wake_.notify_all();
        body(context, 0, group_);
        wait_until(threads, [&] { return unfinished_.load(std::memory_order_acquire) == 0; });
    }

  private:
    void work(int me, unsigned seen) {
        for (;;) {
            const auto there = [&] { return task_.load(std::memory_order_acquire) != seen; };
            for (int spin = 0; spin < SPIN_LIMIT && !there(); spin++) cpu_relax();
            if (!there()) {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, there);
            }
            seen = task_.load(std::memory_order_acquire);
            if (me < int(seen % MOST)) {
                body_(context_, me, group_);
                unfinished_.fetch_sub(1, std::memory_order_acq_rel);
            }
        }
    }

    std::vector<std::thread> workers_;
    std::mutex mutex_;
    std::condition_variable wake_;
    // the number of the task times MOST, plus how many threads it is for: read together, they belong together
    std::atomic<unsigned> task_{0};
    std::atomic<int> unfinished_{0};
    ThreadGroup group_;
    Body body_ = nullptr;
    void* context_ = nullptr;
};

// Never destroyed: at exit the workers sleep, and the process ends under them. A child of fork has none of its parent's
// threads and begins with a pool of its own.
Pool* pool = nullptr;  // null after a fork for which there was no memory

Pool& the_pool() {
    static const bool ready = [] {
        pool = new Pool;
#if !defined(_WIN32)
        pthread_atfork(nullptr, nullptr, [] { pool = new (std::nothrow) Pool; });
#endif
        return true;
    }();
    (void)ready;
    if (!pool) throw std::bad_alloc();
    return *pool;
}

}  // namespace

void Team::barrier() {
    if (size == 1) return;
    ThreadGroup& group = static_cast<ThreadGroup&>(*this);
    const unsigned round = group.round.load(std::memory_order_acquire);
    if (group.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
        group.arrived.store(0, std::memory_order_relaxed);
        group.round.fetch_add(1, std::memory_order_release);
    } else {
        wait_until(size, [&] { return group.round.load(std::memory_order_acquire) != round; });
    }
}

Session::Session(int threads) {
    the_pool().one_call.lock();
    this->threads = the_pool().hire(threads);
}
Session::~Session() { the_pool().one_call.unlock(); }

char* Session::memory(std::size_t bytes) {
    Pool& pool = the_pool();
    if (bytes > pool.capacity) {
        ::operator delete(pool.memory, PAGE);
        pool.memory = nullptr, pool.capacity = 0;
        pool.memory = new_memory(bytes);
        pool.capacity = bytes;
    }
    return pool.memory;
}

void Session::run(Body body, void* context) { the_pool().run(threads, body, context); }

}  // namespace showtell
