# The API and the worker share one image; the command decides.
FROM node:22-bookworm-slim AS build
WORKDIR /earshot
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build:web && npm prune --omit=dev --ignore-scripts

FROM node:22-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ffmpeg \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /earshot
COPY --from=build --chown=node:node /earshot /earshot
RUN mkdir -p /data && chown node:node /data
USER node
ENV NODE_ENV=production EARSHOT_DATA_DIR=/data
VOLUME /data
EXPOSE 8787
ENTRYPOINT ["node", "bin/earshot.js"]
CMD ["serve"]
