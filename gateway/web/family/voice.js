// How loud they are, for the five bars of the slate: 0..1 about twelve times a second.

export class Voice {
  #timer = 0;
  #source = null;

  start(context, stream, show) {
    this.stop();
    if (!context || stream.getAudioTracks().length === 0) return;
    const analyser = new AnalyserNode(context, { fftSize: 512 });
    this.#source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
      show(Math.min(1, Math.sqrt(power) * 9));
    }, 80);
  }

  stop() {
    clearInterval(this.#timer);
    this.#source?.disconnect();
    this.#source = null;
  }
}
