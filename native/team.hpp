// Threads that compute together, and the memory that they compute in. Compiled once for any machine; the code of each
// instruction set sees no more of it than this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace showtell {

// What a body sees of the threads that run it.
struct Team {
    int size;
    // Waits until all threads of the team are here.
    void barrier();
    // The part of n things that thread `me` takes, [begin, end).
    void share(std::ptrdiff_t n, int me, std::ptrdiff_t& begin, std::ptrdiff_t& end) const {
        begin = n * me / size;
        end = n * (me + 1) / size;
    }
};

using Body = void (*)(void* context, int me, Team& team);

// Hands out parts of one piece of memory, or, where there is none, only adds up how much is asked for.
struct Arena {
    char* memory;
    std::size_t used;
    template <class T>
    T* take(std::ptrdiff_t count) {
        T* p = reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(memory) + used);
        used += (std::size_t(count) * sizeof(T) + 63) / 64 * 64;
        return p;
    }
};

// One call at a time has the threads and the memory; the memory stays for the next one, its pages already touched.
class Session {
  public:
    // With fewer threads where the system gives no more.
    explicit Session(int threads);
    ~Session();
    Session(const Session&) = delete;
    // Aligned to 64 bytes, what was in it undefined. Throws std::bad_alloc.
    char* memory(std::size_t bytes);
    void run(Body body, void* context);
    int threads;
};

}  // namespace showtell
