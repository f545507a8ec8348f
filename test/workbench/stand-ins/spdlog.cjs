// Takes the place of @vscode/spdlog, whose native part needs a compiler. Output
// channels are read from these files, so without it "Show log" would stay empty.
const { appendFileSync, mkdirSync, renameSync, statSync } = require('node:fs');
const { dirname } = require('node:path');

const NAMES = ['trace', 'debug', 'info', 'warning', 'error', 'critical'];
const INFO = 2;

class Logger {
  constructor(_type, _name, file, maxBytes) {
    this.file = file;
    this.maxBytes = maxBytes;
    this.level = INFO;
    this.plain = false;
    try {
      this.size = statSync(file).size;
    } catch {
      this.size = 0;
    }
  }

  write(level, message) {
    if (level < this.level) return;
    const time = new Date().toISOString().replace('T', ' ').replace('Z', '');
    const line = this.plain ? message : `${time} [${NAMES[level]}] ${message}\n`;
    try {
      if (this.size > this.maxBytes) {
        renameSync(this.file, `${this.file}.1`);
        this.size = 0;
      }
      appendFileSync(this.file, line);
      this.size += line.length;
    } catch {
      // A log that can't be written must not bring down what it reports on.
    }
  }

  trace(message) {
    this.write(0, message);
  }
  debug(message) {
    this.write(1, message);
  }
  info(message) {
    this.write(INFO, message);
  }
  warn(message) {
    this.write(3, message);
  }
  error(message) {
    this.write(4, message);
  }
  critical(message) {
    this.write(5, message);
  }
  getLevel() {
    return this.level;
  }
  setLevel(level) {
    this.level = level;
  }
  clearFormatters() {
    this.plain = true;
  }
  setPattern() {}
  flush() {}
  drop() {}
}

async function createLogger(name, file, maxBytes) {
  mkdirSync(dirname(file), { recursive: true });
  return new Logger('rotating', name, file, maxBytes);
}

// Assigned one by one: the workbench imports them by name, and Node finds the
// names of a CommonJS module by reading these lines.
exports.version = 0;
exports.setLevel = () => {};
exports.setFlushOn = () => {};
exports.Logger = Logger;
exports.createRotatingLogger = createLogger;
exports.createAsyncRotatingLogger = createLogger;
